using System.Runtime.CompilerServices;
using Afina.Engine.Graphs;

namespace Afina.Engine.Execution;

/// <summary>Random numbers that depend on counters alone, so that neither threads nor a resumed run change them.</summary>
/// <remarks>A SplitMix64 finalizer over (seed, step, micro-step, module), then over row and column.</remarks>
public static class CounterRandom
{
    /// <summary>The stream of one module in one micro-step.</summary>
    public static ulong Key(in Counts counts, int module) =>
        Mix(Mix(counts.Seed + 0x9E3779B97F4A7C15) ^ Mix(((ulong)(uint)counts.Step << 32) | (uint)counts.MicroStep) ^ Mix(~(ulong)(uint)module));

    /// <summary>32 random bits for an element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Bits(ulong key, int row, int column) => (uint)(Mix(key + (((ulong)(uint)row << 32) | (uint)column) * 0x9E3779B97F4A7C15) >> 32);

    /// <summary>Whether dropout keeps an element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Keeps(ulong key, int row, int column, float probability) => Bits(key, row, column) >= (uint)(probability * 4294967296.0);

    /// <summary>A uniform number in [0, 1) with 53 bits.</summary>
    public static double Uniform(ulong key, long index) => (Mix(key + (ulong)index * 0x9E3779B97F4A7C15) >> 11) * (1.0 / (1UL << 53));

    /// <summary>A standard normal number (Box, Muller 1958).</summary>
    public static double Normal(ulong key, long index) =>
        Math.Sqrt(-2 * Math.Log(1 - Uniform(key, 2 * index))) * Math.Cos(2 * Math.PI * Uniform(key, 2 * index + 1));

    /// <summary>A bijection that scatters 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}

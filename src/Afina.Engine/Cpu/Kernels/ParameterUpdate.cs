using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The rule of an optimizer on 16 elements at a time, with the numbers of one step.</summary>
internal interface IUpdateRule<TOperation, TSelf>
    where TSelf : struct, IUpdateRule<TOperation, TSelf>
{
    /// <summary>The numbers that a step's rate and number give.</summary>
    static abstract TSelf For(TOperation operation, float rate, int step);

    /// <summary>Moves values against their clipped gradients and brings their states up to date.</summary>
    void Step(ref Vector512<float> value, Vector512<float> gradient, ref Vector512<float> first, ref Vector512<float> second);
}

/// <summary>One pass over parameter, states and gradient; a tile is 4,096 elements, and states in bytes are widened block by block.</summary>
internal sealed unsafe class ParameterUpdateKernel<TOperation, TRule>(TOperation operation, Node node, Memory memory) : Kernel
    where TOperation : ParameterUpdate
    where TRule : struct, IUpdateRule<TOperation, TRule>
{
    private const int Tile = 4096;
    private const int Lanes = 16;
    private const int Block = ParameterUpdate.StateBlock;

    private readonly float* _value = (float*)memory[node.Outputs[0]];
    private readonly float* _gradient = (float*)memory[node.Inputs[0]];
    private readonly float* _norm = (float*)memory[node.Inputs[1]];
    private readonly float* _rate = (float*)memory[node.Inputs[2]];
    private readonly byte* _first = State(node, memory, 0);
    private readonly byte* _second = State(node, memory, 1);
    private readonly float* _firstLargest = (float*)State(node, memory, 0, 1);
    private readonly float* _secondLargest = (float*)State(node, memory, 1, 1);
    private readonly DynamicMap[] _maps = [.. operation.States.Select(state => state.IsSigned ? DynamicMap.Signed : DynamicMap.Unsigned)];
    private readonly bool _isPacked = ParameterUpdate.IsPacked(node);
    private readonly long _count = operation.Parameter.Count;

    public override int Tiles(int phase, in Counts counts) => (int)((_count + Tile - 1) / Tile);

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        if (!float.IsFinite(*_norm))
            return;
        var factor = operation.Clip > 0 ? (float)Math.Min(1, operation.Clip / (*_norm + 1e-6)) : 1;
        var rule = TRule.For(operation, *_rate, counts.Step);
        var (start, end) = ((long)tile * Tile, Math.Min((tile + 1L) * Tile, _count));
        if (!_isPacked)
        {
            Update(rule, factor, start, (int)(end - start), Plain(_first, start), Plain(_second, start));
            return;
        }

        var first = stackalloc float[2 * Block];
        var second = _second is null ? null : first + Block;
        for (; start < end; start += Block)
        {
            var count = (int)Math.Min(Block, end - start);
            Widen(0, _first, _firstLargest, start, new Span<float>(first, count));
            Widen(1, _second, _secondLargest, start, new Span<float>(second, second is null ? 0 : count));
            Update(rule, factor, start, count, first, second);
            Round(0, _first, _firstLargest, start, new Span<float>(first, count));
            Round(1, _second, _secondLargest, start, new Span<float>(second, second is null ? 0 : count));
        }
    }

    private static byte* State(Node node, Memory memory, int state, int part = 0) => node.Inputs.Length > 3 + 2 * state ? memory[node.Inputs[3 + 2 * state + part]] : null;

    private static float* Plain(byte* state, long start) => state is null ? null : (float*)state + start;

    private void Widen(int state, byte* codes, float* largest, long start, Span<float> to)
    {
        if (codes is not null)
            _maps[state].Dequantize(new ReadOnlySpan<byte>(codes + start, to.Length), Block, new ReadOnlySpan<float>(largest + start / Block, 1), to);
    }

    private void Round(int state, byte* codes, float* largest, long start, ReadOnlySpan<float> from)
    {
        if (codes is not null)
            _maps[state].Quantize(from, Block, new Span<byte>(codes + start, from.Length), new Span<float>(largest + start / Block, 1));
    }

    private void Update(in TRule rule, float factor, long start, int count, float* first, float* second)
    {
        var value = _value + start;
        var gradient = _gradient + start;
        var at = 0;
        for (; at <= count - Lanes; at += Lanes)
            Step(rule, factor, value + at, gradient + at, first is null ? null : first + at, second is null ? null : second + at);
        if (at == count)
            return;
        var rest = stackalloc float[4 * Lanes];
        Copy(value + at, rest, count - at);
        Copy(gradient + at, rest + Lanes, count - at);
        Copy(first is null ? null : first + at, rest + 2 * Lanes, count - at);
        Copy(second is null ? null : second + at, rest + 3 * Lanes, count - at);
        Step(rule, factor, rest, rest + Lanes, first is null ? null : rest + 2 * Lanes, second is null ? null : rest + 3 * Lanes);
        Copy(rest, value + at, count - at);
        Copy(rest + Lanes, gradient + at, count - at);
        Copy(rest + 2 * Lanes, first is null ? null : first + at, count - at);
        Copy(rest + 3 * Lanes, second is null ? null : second + at, count - at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(in TRule rule, float factor, float* value, float* gradient, float* first, float* second)
    {
        var moved = Vector512.Load(value);
        var m = first is null ? default : Vector512.Load(first);
        var v = second is null ? default : Vector512.Load(second);
        rule.Step(ref moved, Vector512.Load(gradient) * factor, ref m, ref v);
        moved.Store(value);
        Vector512<float>.Zero.Store(gradient);
        if (first is not null)
            m.Store(first);
        if (second is not null)
            v.Store(second);
    }

    private static void Copy(float* from, float* to, int count)
    {
        for (var i = 0; from is not null && to is not null && i < count; i++)
            to[i] = from[i];
    }
}

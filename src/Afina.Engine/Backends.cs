using Afina.Engine.Cpu;
using Afina.Engine.Execution;
using Afina.Engine.Reference;

namespace Afina.Engine;

/// <summary>Chooses where programs run.</summary>
public static class Backends
{
    /// <summary>The processor's kernels, or with <c>AFINA_CPU=reference</c> the slow and exact loops that they are checked against.</summary>
    public static Backend Default() => CpuFeatures.Forced == "reference" ? new ReferenceBackend() : new CpuBackend();

    /// <summary>Whether bf16 products run on instructions of their own here, at twice the rate of fp32.</summary>
    public static bool HasBf16 => CpuFeatures.Forced is null && CpuFeatures.Avx512Bf16;

    /// <summary>What matters of this processor: an instruction set, whether this process may use it, and what for.</summary>
    public static IReadOnlyList<(string Name, bool Available, string Use)> Features =>
    [
        ("AVX2 and FMA", CpuFeatures.Avx2, "8 floats at once"),
        ("AVX-512", CpuFeatures.Avx512, "16 floats at once"),
        ("AVX512_BF16", CpuFeatures.Avx512Bf16, "products of bf16 pairs, twice the rate of fp32"),
    ];

    /// <summary>The kernel set that <c>AFINA_CPU</c> forces, or null.</summary>
    public static string? Forced => CpuFeatures.Forced;

    /// <summary>Operations of the programs that a backend has prepared for which it has no kernel of its own, so that slow loops run.</summary>
    public static IReadOnlyCollection<string> Missing(Backend backend) => backend is CpuBackend cpu ? cpu.Missing : [];
}

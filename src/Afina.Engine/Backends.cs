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
}

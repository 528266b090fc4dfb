using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Chooses the microkernel of a compute mode for this processor.</summary>
internal static class MicroKernels
{
    private static readonly string[] Names = ["bf16", "avx512", "avx2", "portable"];

    /// <summary>The kernel that products of this mode use: the forced one, or the first available.</summary>
    /// <exception cref="InvalidOperationException"><c>AFINA_CPU</c> names a set that does not exist or that this machine lacks.</exception>
    public static MicroKernel For(ComputeMode mode) => For(mode, CpuFeatures.Forced);

    /// <summary>The kernel of that name, or the first available when it is null.</summary>
    public static MicroKernel For(ComputeMode mode, string? forced)
    {
        var available = Available(mode);
        if (forced is null)
            return available[0];
        // bf16 has no fp32 products of its own: beside it they run on AVX-512.
        var wanted = forced == "bf16" && mode == ComputeMode.Fp32 ? "avx512" : forced;
        foreach (var kernel in available)
        {
            if (kernel.Name == wanted)
                return kernel;
        }

        throw new InvalidOperationException(Array.IndexOf(Names, forced) < 0
            ? $"AFINA_CPU={forced} is not a kernel set; use one of {string.Join(", ", Names)}"
            : $"AFINA_CPU={forced} asks for instructions that this machine or process does not offer; use one of {string.Join(", ", available.Select(k => k.Name))}");
    }

    /// <summary>All kernels of a mode that this process can run, fastest first.</summary>
    public static IReadOnlyList<MicroKernel> Available(ComputeMode mode)
    {
        var panels = mode == ComputeMode.Bf16 ? PanelKind.RoundedFp32 : PanelKind.Fp32;
        var kernels = new List<MicroKernel>();
        // Two products per lane and instruction, half the bytes per panel: twice the rate of fp32 where the instruction is fast.
        var pairs = mode == ComputeMode.Bf16 && Bf16Avx512Kernel.Available;
        if (pairs && CpuFeatures.FastBf16)
            kernels.Add(new Bf16Avx512Kernel());
        // 512-bit registers: twice the columns of AVX2 per instruction; processors that run them at half rate still do not lose.
        if (CpuFeatures.Avx512)
            kernels.Add(new Fp32Avx512Kernel(panels));
        if (pairs && !CpuFeatures.FastBf16)
            kernels.Add(new Bf16Avx512Kernel());
        if (CpuFeatures.Avx2)
            kernels.Add(new Fp32Avx2Kernel(panels));
        // Vector<T>: Arm's 128 bits, and x86 with everything switched off.
        kernels.Add(new Fp32PortableKernel(panels));
        return kernels;
    }
}

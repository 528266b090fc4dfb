using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu;

/// <summary>What this processor and this process may use: instruction sets minus those switched off.</summary>
/// <remarks>The runtime's <c>IsSupported</c> already joins CPUID, the operating system's register state (XCR0) and the variables
/// <c>DOTNET_EnableHWIntrinsic</c>, <c>DOTNET_EnableAVX2</c> and <c>DOTNET_EnableAVX512</c>; AVX512_BF16, which it does not know, needs the same
/// state as AVX-512 and its own CPUID bit. Emitted kernels obey the same answers.</remarks>
internal static class CpuFeatures
{
    /// <summary>The first letters of the vendor's name as CPUID gives them: "Genu".</summary>
    private const int GenuineIntel = 0x756E_6547;

    /// <summary>AVX2 with fused multiply-add.</summary>
    public static bool Avx2 { get; } = System.Runtime.Intrinsics.X86.Avx2.IsSupported && Fma.IsSupported;

    /// <summary>AVX-512 F, BW, DQ and VL.</summary>
    public static bool Avx512 { get; } = Avx2 && Avx512F.VL.IsSupported && Avx512BW.VL.IsSupported && Avx512DQ.VL.IsSupported;

    /// <summary>AVX512_BF16: products of bfloat16 pairs summed in fp32 (CPUID leaf 7, subleaf 1, EAX bit 5).</summary>
    public static bool Avx512Bf16 { get; } = Avx512 && X86Base.CpuId(0, 0).Eax >= 7 && X86Base.CpuId(7, 0).Eax >= 1
        && (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;

    /// <summary>Whether products of bfloat16 are faster than those of fp32. Intel's cores take two cycles for one (on Emerald Rapids 88 GFLOP/s, and 172
    /// in fp32), AMD's half of one.</summary>
    public static bool FastBf16 { get; } = Avx512Bf16 && X86Base.CpuId(0, 0).Ebx != GenuineIntel;

    /// <summary>The kernel set asked for in the environment (<c>AFINA_CPU</c>), or null.</summary>
    public static string? Forced
    {
        get
        {
            var value = Environment.GetEnvironmentVariable("AFINA_CPU");
            return string.IsNullOrWhiteSpace(value) ? null : value.Trim().ToLowerInvariant();
        }
    }
}

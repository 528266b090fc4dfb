using Afina.Engine.Cpu;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

/// <summary>Alone, because a kernel set is forced for the whole process.</summary>
[CollectionDefinition(nameof(KernelSetTests), DisableParallelization = true)]
[Collection(nameof(KernelSetTests))]
public sealed class KernelSetTests : IDisposable
{
    private readonly string? _forced = Environment.GetEnvironmentVariable("AFINA_CPU");

    public static TheoryData<string> Sets => [.. MicroKernels.Available(ComputeMode.Bf16).Select(kernel => kernel.Name).Distinct()];

    [Theory]
    [MemberData(nameof(Sets))]
    public void Every_kernel_set_of_this_machine_agrees_with_the_reference(string set)
    {
        Environment.SetEnvironmentVariable("AFINA_CPU", set);

        Assert.EndsWith(set, new CpuBackend().Name, StringComparison.Ordinal);
        foreach (var type in new[] { DType.F32, DType.BF16 })
        {
            new LinearTests().Kernels_agree_with_the_reference("cpu", type, 5);
            new LinearTests().Kernels_agree_with_the_reference_over_quantized_weights("cpu", type, 1);
            new HeadLogitsTests().Kernels_agree_with_the_reference("cpu", type, 5);
        }
    }

    public void Dispose() => Environment.SetEnvironmentVariable("AFINA_CPU", _forced);
}

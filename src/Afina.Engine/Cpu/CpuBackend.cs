using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Kernels;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Reference;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu;

/// <summary>Kernels for this machine's processor; an operation without one runs on the reference, and <see cref="Missing"/> names it.</summary>
public sealed class CpuBackend : Backend
{
    private readonly ReferenceBackend _reference = new();
    private readonly HashSet<string> _missing = [];

    /// <inheritdoc/>
    public override string Name => $"cpu {MicroKernels.For(ComputeMode.Bf16).Name}";

    /// <summary>Operations that ran on the reference for want of a kernel.</summary>
    public IReadOnlyCollection<string> Missing => _missing;

    /// <inheritdoc/>
    public override double PeakFlops(DType activations, int threads, int measurements = 5) =>
        MicrokernelRate.Measure(MicroKernels.For(Products.Mode(activations)), threads, runs: measurements) * 1e9;

    /// <inheritdoc/>
    public override double PeakBandwidth(int threads) => MemoryRate.Measure(threads);

    /// <inheritdoc/>
    public override int FewRows => RowDot.MaxRows;

    /// <inheritdoc/>
    public override Kernel Prepare(Node node, Memory memory)
    {
        var kernel = Make(node, memory);
        if (kernel is not null)
            return kernel;
        _missing.Add(node.Operation.Name);
        return _reference.Prepare(node, memory);
    }

    private static Kernel? Make(Node node, Memory memory) => node.Operation switch
    {
        Embedding operation => new EmbeddingKernel(operation, node, memory),
        EmbeddingGradient operation => new EmbeddingGradientKernel(operation, node, memory),
        RmsNorm operation => new RmsNormKernel(operation, node, memory),
        RmsNormGradient operation => new RmsNormGradientKernel(operation, node, memory),
        RmsNormGainGradient operation => new RmsNormGainGradientKernel(operation, node, memory),
        Linear operation => LinearKernels.Forward(operation, node, memory),
        LinearGradient operation => LinearKernels.Backward(operation, node, memory),
        LowRankGradient operation => LinearKernels.LowRank(operation, node, memory),
        WeightGradient => LinearKernels.Weight(node, memory),
        BiasGradient => LinearKernels.Bias(node, memory),
        Sum => new SumKernel(node, memory),
        Dropout operation => new DropoutKernel(operation, node, memory),
        RotaryTable operation => new RotaryTableKernel(operation, node, memory),
        Rotary operation => new RotaryKernel(operation, node, memory),
        GatedActivation operation => GatedActivations.Forward(operation, node, memory),
        GatedActivationGradient operation => GatedActivations.Backward(operation, node, memory),
        SelectRows => new SelectRowsKernel(node, memory),
        SelectRowsGradient => new SelectRowsGradientKernel(node, memory),
        StoreRows => new StoreRowsKernel(node, memory),
        Attention operation => new AttentionKernel(operation, node, memory),
        AttentionGradient operation => new AttentionGradientKernel(operation, node, memory),
        HeadLoss operation => new HeadLossKernel(operation, node, memory),
        HeadLossGradient operation => new HeadLossGradientKernel(operation, node, memory),
        HeadLogits operation => new HeadLogitsKernel(operation, node, memory),
        AdamW operation => new ParameterUpdateKernel<AdamW, AdamWRule>(operation, node, memory),
        Adafactor operation => new AdafactorKernel(operation, node, memory),
        Lion operation => new ParameterUpdateKernel<Lion, LionRule>(operation, node, memory),
        Sgd operation => new ParameterUpdateKernel<Sgd, SgdRule>(operation, node, memory),
        GradientNorm => new GradientNormKernel(node, memory),
        _ => null,
    };
}

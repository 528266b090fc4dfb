using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>The innermost product of packed panels for one instruction set.</summary>
/// <remarks>Left panels hold groups of rows, [step][row]; right panels hold <see cref="Width"/> columns, [step][column]; a step is one
/// element of the inner dimension, or a pair of bfloat16.</remarks>
internal abstract unsafe class MicroKernel
{
    /// <summary>The name that <c>AFINA_CPU</c> takes and that checkpoints record.</summary>
    public abstract string Name { get; }

    /// <summary>What panels hold.</summary>
    public abstract PanelKind Panels { get; }

    /// <summary>Rows of a full group.</summary>
    public abstract int Rows { get; }

    /// <summary>Columns of a full panel.</summary>
    public abstract int Width { get; }

    /// <summary>Columns of the narrowest panel: <see cref="Width"/>, or half of it.</summary>
    public abstract int NarrowWidth { get; }

    /// <summary>Whether a group may have fewer rows than <see cref="Rows"/>; otherwise rows are padded with zeros.</summary>
    public abstract bool AnyRows { get; }

    /// <summary>Makes what <see cref="Run"/> or <see cref="RunDirect"/> needs for these sizes (emitted code), outside of the hot path.</summary>
    public virtual void Prepare(int rows, int width, bool direct = false)
    {
    }

    /// <summary>Runs all groups of <paramref name="arguments"/>, each of <paramref name="rows"/> rows, over a panel of <paramref name="width"/> columns.</summary>
    public abstract void Run(KernelArguments* arguments, int rows, int width);

    /// <summary>Whether <see cref="Run"/> can store finished rows itself (<see cref="KernelArguments.Output"/>).</summary>
    public virtual bool StoresOutputs => false;

    /// <summary>Whether the kernel can read left rows in place, without packing.</summary>
    public virtual bool ReadsRows => false;

    /// <summary>Whether the left operands of a product can be read in place.</summary>
    public bool Reads(ProductSpec spec) => ReadsRows
        && spec.Lefts.All(left => left.Operand is { Weight: null, IsTransposed: false, Type: DType.BF16 } && left.Inner % StepElements == 0);

    /// <summary>Like <see cref="Run"/>, with left rows of bfloat16 in place: pairs side by side, rows apart by
    /// <see cref="KernelSegment.LeftRowStride"/>.</summary>
    public virtual void RunDirect(KernelArguments* arguments, int rows, int width) => throw new InvalidOperationException($"{Name} packs its rows");

    /// <summary>Lines of <see cref="KernelArguments.Ahead"/> that the kernel asks for during a group of that many steps: as few as hold up nothing; 0 when it does not.</summary>
    public virtual int LinesPerGroup(int steps) => 0;

    /// <summary>Inner elements per step.</summary>
    public int StepElements => Panels == PanelKind.Bf16 ? 2 : 1;

    /// <summary>Bytes of one step of one row or column: one fp32, or a pair of bfloat16.</summary>
    public const int StepBytes = 4;
}

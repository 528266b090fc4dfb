using Afina.Engine.Cpu.Jit;
using Afina.Engine.Cpu.Panels;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>bfloat16 products with AVX512_BF16, emitted at run time because .NET does not expose the instruction: up to 14 rows by 32 columns.</summary>
internal sealed unsafe class Bf16Avx512Kernel : MicroKernel
{
    private static readonly Lock Emitting = new();
    private static readonly nint[] Code = new nint[2 * PanelLoopEmitter.MaxRows];
    private static readonly nint[] DirectCode = new nint[2 * PanelLoopEmitter.MaxRows];

    /// <summary>Whether the processor has the instruction and the process may run emitted code.</summary>
    public static bool Available => CpuFeatures.Avx512Bf16 && ExecutableMemory.Available;

    public override string Name => "bf16";

    public override PanelKind Panels => PanelKind.Bf16;

    public override int Rows => PanelLoopEmitter.MaxRows;

    public override int Width => 2 * PanelLoopEmitter.Lanes;

    public override int NarrowWidth => PanelLoopEmitter.Lanes;

    public override bool AnyRows => true;

    public override bool StoresOutputs => true;

    public override bool ReadsRows => true;

    public override int LinesPerGroup(int steps) => steps / PanelLoopEmitter.Unroll;

    public override void Prepare(int rows, int width, bool direct = false)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)(rows - 1), (uint)(Rows - 1));
        lock (Emitting)
        {
            ref var code = ref (direct ? DirectCode : Code)[Index(rows, width)];
            if (code == 0)
                code = Publish(PanelLoopEmitter.Emit(rows, width / PanelLoopEmitter.Lanes, direct));
        }
    }

    public override void Run(KernelArguments* arguments, int rows, int width) =>
        ((delegate* unmanaged<KernelArguments*, void>)Code[Index(rows, width)])(arguments);

    public override void RunDirect(KernelArguments* arguments, int rows, int width) =>
        ((delegate* unmanaged<KernelArguments*, void>)DirectCode[Index(rows, width)])(arguments);

    private static nint Publish(byte[] code)
    {
        var memory = ExecutableMemory.Publish(code);
        return memory is not null ? (nint)memory
            : throw new InvalidOperationException("the system refused executable memory after a first piece was granted; set AFINA_CPU=avx512");
    }

    private static int Index(int rows, int width) => (rows - 1) * 2 + (width > PanelLoopEmitter.Lanes ? 1 : 0);
}

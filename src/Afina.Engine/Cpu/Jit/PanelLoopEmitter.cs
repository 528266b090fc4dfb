using System.Runtime.InteropServices;
using Afina.Engine.Cpu.Gemm;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Afina.Engine.Cpu.Jit;

/// <summary>Emits a microkernel: for each group of rows, for each segment, for each step, rows x vectors products with vdpbf16ps.</summary>
/// <remarks>Sums: registers 0 to 27; right elements: 28 and 29; left elements, one pair broadcast to all lanes: 30 and 31 in turn.</remarks>
internal static class PanelLoopEmitter
{
    /// <summary>Most rows: 14 x 2 sums leave four registers.</summary>
    public const int MaxRows = 14;

    /// <summary>fp32 lanes of a register.</summary>
    public const int Lanes = 16;

    /// <summary>Steps of a turn of the loop, which asks for one of <see cref="KernelArguments.Ahead"/>.</summary>
    public const int Unroll = 4;

    private static readonly AssemblerRegisterZMM[] Zmm =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    /// <summary>The code of one kernel, position independent; it is called with one pointer to <see cref="KernelArguments"/>.</summary>
    /// <remarks>Direct kernels read left rows in place. With one vector, odd steps of the unrolled loop have sums of their own, added at the
    /// end: eight sums alone would wait for each other.</remarks>
    public static byte[] Emit(int rows, int vectors, bool direct)
    {
        // PreferVex off: registers 16 to 31 exist in the EVEX encoding only.
        var a = new Assembler(64) { PreferVex = false };
        var windows = OperatingSystem.IsWindows();
        CallingConvention.Enter(a, windows);

        var groupLoop = a.CreateLabel();
        var load = a.CreateLabel();
        var begin = a.CreateLabel();
        var segmentLoop = a.CreateLabel();
        a.mov(r8, __qword_ptr[rbx + Offset(nameof(KernelArguments.Groups))]);
        a.mov(r9, __qword_ptr[rbx + Offset(nameof(KernelArguments.Left))]);
        a.mov(r10, __qword_ptr[rbx + Offset(nameof(KernelArguments.Tile))]);
        a.mov(r11, __qword_ptr[rbx + Offset(nameof(KernelArguments.TileStride))]);

        a.Label(ref groupLoop);
        OutputEmitter.Ask(a, rows, vectors);
        a.cmp(__qword_ptr[rbx + Offset(nameof(KernelArguments.Accumulate))], 0);
        a.jne(load);
        for (var i = 0; i < rows * vectors; i++)
            a.vpxord(Zmm[i], Zmm[i], Zmm[i]);
        a.jmp(begin);
        a.Label(ref load);
        Tile(a, rows, vectors, store: false);
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < vectors; j++)
                a.prefetcht0(__byte_ptr[r14 + j * 64]);
            a.add(r14, r11);
        }

        a.Label(ref begin);
        var second = direct && vectors == 1 ? rows : 0;
        for (var i = 0; i < second; i++)
            a.vpxord(Zmm[rows + i], Zmm[rows + i], Zmm[rows + i]);

        a.mov(r12, __qword_ptr[rbx + Offset(nameof(KernelArguments.Segments))]);
        a.mov(r13, __qword_ptr[rbx + Offset(nameof(KernelArguments.SegmentCount))]);
        a.Label(ref segmentLoop);
        a.mov(rax, __qword_ptr[r12 + SegmentOffset(nameof(KernelSegment.LeftOffset))]);
        if (direct)
            Rows(a, rows);
        else
        {
            a.add(rax, r9);
            // Packed or in place, the next group's rows may lie in the shared cache, too far from this group for the processor to foresee.
            a.mov(rsi, __qword_ptr[rbx + Offset(nameof(KernelArguments.LeftStride))]);
        }

        a.mov(rdx, __qword_ptr[r12 + SegmentOffset(nameof(KernelSegment.Right))]);
        a.mov(rcx, __qword_ptr[r12 + SegmentOffset(nameof(KernelSegment.Steps))]);
        Steps(a, rows, vectors, direct);
        a.add(r12, Marshal.SizeOf<KernelSegment>());
        a.dec(r13);
        a.jne(segmentLoop);

        for (var i = 0; i < second; i++)
            a.vaddps(Zmm[i], Zmm[i], Zmm[rows + i]);
        var stored = a.CreateLabel();
        OutputEmitter.Emit(a, Zmm, rows, vectors, stored);
        Tile(a, rows, vectors, store: true);
        a.Label(ref stored);
        for (var i = 0; i < rows; i++)
            a.add(r10, r11);
        a.add(r9, __qword_ptr[rbx + Offset(nameof(KernelArguments.LeftStride))]);
        a.dec(r8);
        a.jne(groupLoop);
        CallingConvention.Leave(a, windows);

        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    private static int Offset(string field) => (int)Marshal.OffsetOf<KernelArguments>(field);

    private static int SegmentOffset(string field) => (int)Marshal.OffsetOf<KernelSegment>(field);

    /// <summary>Loads or stores all sums.</summary>
    private static void Tile(Assembler a, int rows, int vectors, bool store)
    {
        a.mov(r14, r10);
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < vectors; j++)
            {
                if (store)
                    a.vmovups(__zmmword_ptr[r14 + j * 64], Zmm[i * vectors + j]);
                else
                    a.vmovups(Zmm[i * vectors + j], __zmmword_ptr[r14 + j * 64]);
            }

            a.add(r14, r11);
        }
    }

    /// <summary>rcx steps from the left at rax and the right at rdx: four at a time, then one at a time.</summary>
    private static void Steps(Assembler a, int rows, int vectors, bool direct)
    {
        var many = a.CreateLabel();
        var few = a.CreateLabel();
        var one = a.CreateLabel();
        var done = a.CreateLabel();
        a.sub(rcx, Unroll);
        a.jl(few);
        a.Label(ref many);
        for (var u = 0; u < Unroll; u++)
        {
            if (direct)
                Prefetch(a, rows, u);
            else
                a.prefetcht0(__byte_ptr[rax + rsi + u * rows * MicroKernel.StepBytes]);
            Step(a, rows, vectors, u, direct);
        }

        Ahead(a, direct ? r9 : rdi);
        Advance(a, rows, Unroll, direct);
        a.add(rdx, Unroll * vectors * 64);
        a.sub(rcx, Unroll);
        a.jge(many);
        a.Label(ref few);
        a.add(rcx, Unroll);
        a.je(done);
        a.Label(ref one);
        Step(a, rows, vectors, 0, direct);
        Advance(a, rows, 1, direct);
        a.add(rdx, vectors * 64);
        a.dec(rcx);
        a.jne(one);
        a.Label(ref done);
        a.nop();
    }

    /// <summary>The strides from which rows in place are addressed, and the address of the ninth row; the segment is moved on past the group.</summary>
    private static void Rows(Assembler a, int rows)
    {
        a.mov(rsi, __qword_ptr[r12 + SegmentOffset(nameof(KernelSegment.LeftRowStride))]);
        a.imul(rdi, rsi, rows);
        a.add(rdi, rax);
        a.mov(__qword_ptr[r12 + SegmentOffset(nameof(KernelSegment.LeftOffset))], rdi);
        a.lea(rdi, __[rsi + rsi * 2]);
        a.lea(r15, __[rsi + rsi * 4]);
        a.lea(rbp, __[rdi + rsi * 4]);
        if (rows > 8)
            a.lea(r14, __[rax + rsi * 8]);
    }

    /// <summary>Asks for a part of what the next group of rows in place will read, along which r9 walks.</summary>
    private static void Prefetch(Assembler a, int rows, int step)
    {
        if (step == 0)
        {
            a.imul(r9, rsi, rows);
            a.add(r9, rax);
        }

        for (var i = rows * step / Unroll; i < rows * (step + 1) / Unroll; i++)
        {
            a.prefetcht0(__byte_ptr[r9]);
            a.add(r9, rsi);
        }
    }

    /// <summary>Asks for one line of what is packed next, as <see cref="LinesAhead.Ask"/> does.</summary>
    private static void Ahead(Assembler a, AssemblerRegister64 free)
    {
        var next = a.CreateLabel();
        var done = a.CreateLabel();
        a.dec(Ahead(nameof(LinesAhead.Left)));
        a.jl(done);
        a.mov(free, Ahead(nameof(LinesAhead.Line)));
        a.prefetcht1(__byte_ptr[free]);
        a.add(free, 64);
        a.dec(Ahead(nameof(LinesAhead.RowLeft)));
        a.jne(next);
        a.add(free, Ahead(nameof(LinesAhead.RowStep)));
        a.mov(Ahead(nameof(LinesAhead.Line)), free);
        a.mov(free, Ahead(nameof(LinesAhead.RowLines)));
        a.mov(Ahead(nameof(LinesAhead.RowLeft)), free);
        a.jmp(done);
        a.Label(ref next);
        a.mov(Ahead(nameof(LinesAhead.Line)), free);
        a.Label(ref done);
    }

    private static AssemblerMemoryOperand Ahead(string field) =>
        __qword_ptr[rbx + Offset(nameof(KernelArguments.Ahead)) + (int)Marshal.OffsetOf<LinesAhead>(field)];

    private static void Advance(Assembler a, int rows, int steps, bool direct)
    {
        a.add(rax, steps * (direct ? 1 : rows) * MicroKernel.StepBytes);
        if (direct && rows > 8)
            a.add(r14, steps * MicroKernel.StepBytes);
    }

    private static void Step(Assembler a, int rows, int vectors, int step, bool direct)
    {
        for (var j = 0; j < vectors; j++)
            a.vmovups(Zmm[28 + j], __zmmword_ptr[rdx + (step * vectors + j) * 64]);
        for (var i = 0; i < rows; i++)
        {
            var at = direct ? DirectRow(i) + step * MicroKernel.StepBytes : rax + (step * rows + i) * MicroKernel.StepBytes;
            if (vectors == 1)
            {
                a.vdpbf16ps(Zmm[direct && step % 2 == 1 ? rows + i : i], Zmm[28], __dword_bcst[at]);
                continue;
            }

            var left = Zmm[30 + i % 2];
            a.vpbroadcastd(left, __dword_ptr[at]);
            for (var j = 0; j < vectors; j++)
                a.vdpbf16ps(Zmm[i * vectors + j], left, Zmm[28 + j]);
        }
    }

    /// <summary>Row i at rax + i * stride (r14 from the ninth row on), from one, three, five and seven strides.</summary>
    private static AssemblerMemoryOperand DirectRow(int row) => row switch
    {
        0 => __[rax],
        1 => __[rax + rsi],
        2 => __[rax + rsi * 2],
        3 => __[rax + rdi],
        4 => __[rax + rsi * 4],
        5 => __[rax + r15],
        6 => __[rax + rdi * 2],
        7 => __[rax + rbp],
        8 => __[r14],
        9 => __[r14 + rsi],
        10 => __[r14 + rsi * 2],
        11 => __[r14 + rdi],
        12 => __[r14 + rsi * 4],
        _ => __[r14 + r15],
    };
}

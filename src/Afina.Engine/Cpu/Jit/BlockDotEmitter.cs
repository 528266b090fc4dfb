using System.Runtime.InteropServices;
using Afina.Engine.Cpu.Gemm;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Afina.Engine.Cpu.Jit;

/// <summary>Emits the product of stored Q4_0 or Q4_1 rows with one to four rows of bfloat16: per block one lookup makes bfloat16 of 32 codes,
/// one vdpbf16ps per row multiplies them, and one multiplication by d takes the sums in.</summary>
/// <remarks>The codes are small integers, exact in bfloat16, and d and m stay fp32, so the weights keep the value that their blocks have.
/// Sums: zmm0-7 (row, block parity); m's: xmm8-15; the rest is scratch, zmm31 the table.</remarks>
internal static class BlockDotEmitter
{
    /// <summary>Bytes between what is read and what is asked for; beyond a tile's end lies the next one. Asking beyond the weight is harmless.</summary>
    private const int Ahead = 2048;

    private static readonly AssemblerRegisterZMM[] Sums = [zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7];
    private static readonly AssemblerRegisterXMM[] Minima = [xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];

    /// <summary>The code, called with one pointer to <see cref="DotArguments"/>.</summary>
    public static byte[] Emit(int rows, bool hasMinimum)
    {
        var blockBytes = hasMinimum ? 20 : 18;
        // PreferVex off: registers 16 to 31 exist in the EVEX encoding only.
        var a = new Assembler(64) { PreferVex = false };
        var windows = OperatingSystem.IsWindows();
        CallingConvention.Enter(a, windows);
        Load(a, rax, nameof(DotArguments.Table));
        a.vmovdqu32(zmm31, __zmmword_ptr[rax]);
        Load(a, r8, nameof(DotArguments.Row));
        Load(a, r9, nameof(DotArguments.Rows));
        Load(a, r10, nameof(DotArguments.Output));
        Load(a, r11, nameof(DotArguments.OutputStride));
        Load(a, r12, nameof(DotArguments.PairStride));
        Load(a, rdi, nameof(DotArguments.SumStride));
        a.lea(r13, __[r12 + r12 * 2]);
        a.lea(r14, __[rdi + rdi * 2]);

        var rowLoop = a.CreateLabel();
        var blockLoop = a.CreateLabel();
        var last = a.CreateLabel();
        var done = a.CreateLabel();
        a.Label(ref rowLoop);
        for (var i = 0; i < 2 * rows; i++)
        {
            a.vpxord(Sums[i], Sums[i], Sums[i]);
            if (hasMinimum)
                a.vpxord(Minima[i], Minima[i], Minima[i]);
        }

        a.mov(rax, r8);
        Load(a, rcx, nameof(DotArguments.Blocks));
        Load(a, rdx, nameof(DotArguments.Pairs));
        Load(a, rsi, nameof(DotArguments.Sums));
        a.sub(rcx, 2);
        a.jl(last);
        a.Label(ref blockLoop);
        a.prefetcht0(__byte_ptr[rax + Ahead]);
        Block(a, rows, hasMinimum, 0, blockBytes);
        Block(a, rows, hasMinimum, 1, blockBytes);
        a.add(rax, 2 * blockBytes);
        a.add(rdx, 128);
        if (hasMinimum)
            a.add(rsi, 32);
        a.sub(rcx, 2);
        a.jge(blockLoop);
        a.Label(ref last);
        a.add(rcx, 2);
        a.je(done);
        Block(a, rows, hasMinimum, 0, blockBytes);
        a.Label(ref done);
        a.mov(rax, r10);
        for (var i = 0; i < rows; i++)
        {
            Reduce(a, i, hasMinimum);
            a.vaddss(xmm20, xmm20, __dword_ptr[rax]);
            a.vmovss(__dword_ptr[rax], xmm20);
            a.add(rax, r11);
        }

        a.add(r10, sizeof(float));
        a.add(r8, __qword_ptr[rbx + Offset(nameof(DotArguments.RowBytes))]);
        a.dec(r9);
        a.jne(rowLoop);
        CallingConvention.Leave(a, windows);

        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    private static int Offset(string field) => (int)Marshal.OffsetOf<DotArguments>(field);

    private static void Load(Assembler a, AssemblerRegister64 register, string field) => a.mov(register, __qword_ptr[rbx + Offset(field)]);

    private static void Block(Assembler a, int rows, bool hasMinimum, int parity, int blockBytes)
    {
        // Byte b holds element j in its low half and j + 16 in its high half. The lower word of b | b << 12 looks up the low half (its fifth
        // bit does not matter, the table holds everything twice), the upper word the high half.
        a.vpmovzxbd(zmm16, __xmmword_ptr[rax + (parity * blockBytes + blockBytes - 16)]);
        a.vpslld(zmm17, zmm16, 12);
        a.vpord(zmm16, zmm16, zmm17);
        a.vpermw(zmm16, zmm16, zmm31);
        if (hasMinimum)
        {
            a.vmovd(xmm18, __dword_ptr[rax + parity * blockBytes]);
            a.vcvtph2ps(xmm18, xmm18);
            a.vbroadcastss(zmm19, xmm18);
        }
        else
        {
            a.vpbroadcastw(ymm18, __word_ptr[rax + parity * blockBytes]);
            a.vcvtph2ps(zmm19, ymm18);
        }

        for (var i = 0; i < rows; i++)
        {
            a.vpxord(zmm20, zmm20, zmm20);
            a.vdpbf16ps(zmm20, zmm16, __zmmword_ptr[Row(rdx, r12, r13, i) + parity * 64]);
            a.vfmadd231ps(Sums[2 * i + parity], zmm20, zmm19);
            if (hasMinimum)
                a.vfmadd231ps(Minima[2 * i + parity], xmm18, __xmmword_ptr[Row(rsi, rdi, r14, i) + parity * 16]);
        }
    }

    private static AssemblerMemoryOperand Row(AssemblerRegister64 start, AssemblerRegister64 stride, AssemblerRegister64 stride3, int row) => row switch
    {
        0 => __[start],
        1 => __[start + stride],
        2 => __[start + stride * 2],
        _ => __[start + stride3],
    };

    /// <summary>Leaves the sum of all lanes in xmm20.</summary>
    private static void Reduce(Assembler a, int row, bool hasMinimum)
    {
        a.vaddps(zmm20, Sums[2 * row], Sums[2 * row + 1]);
        a.vextractf64x4(ymm21, zmm20, 1);
        a.vaddps(ymm20, ymm20, ymm21);
        a.vextractf32x4(xmm21, ymm20, 1);
        a.vaddps(xmm20, xmm20, xmm21);
        if (hasMinimum)
        {
            a.vaddps(xmm20, xmm20, Minima[2 * row]);
            a.vaddps(xmm20, xmm20, Minima[2 * row + 1]);
        }

        a.vshufps(xmm21, xmm20, xmm20, 0x4E);
        a.vaddps(xmm20, xmm20, xmm21);
        a.vshufps(xmm21, xmm20, xmm20, 0xB1);
        a.vaddps(xmm20, xmm20, xmm21);
    }
}

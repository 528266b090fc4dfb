using System.Runtime.InteropServices;
using Afina.Engine.Cpu.Gemm;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Afina.Engine.Cpu.Jit;

/// <summary>Emits the end of a panel loop that stores finished rows where they belong: residual added, as fp32 or bfloat16, without a detour
/// over the tile of sums.</summary>
internal static class OutputEmitter
{
    /// <summary>Falls through when there is no output; otherwise stores and jumps to <paramref name="stored"/>. rbx holds the arguments; rax,
    /// rcx, rdx, r12 and registers 28 and 29 are free.</summary>
    public static void Emit(Assembler a, AssemblerRegisterZMM[] sums, int rows, int vectors, Label stored)
    {
        var none = a.CreateLabel();
        var wide = a.CreateLabel();
        a.mov(rax, Argument(nameof(KernelArguments.Output)));
        a.test(rax, rax);
        a.je(none);
        a.mov(rdx, Argument(nameof(KernelArguments.OutputStride)));
        a.mov(rcx, Argument(nameof(KernelArguments.Residual)));
        a.mov(r12, Argument(nameof(KernelArguments.ResidualStride)));
        a.cmp(Argument(nameof(KernelArguments.OutputIsBf16)), 0);
        a.je(wide);
        Rows(a, sums, rows, vectors, bf16: true);
        a.jmp(stored);
        a.Label(ref wide);
        Rows(a, sums, rows, vectors, bf16: false);
        a.jmp(stored);
        a.Label(ref none);
    }

    /// <summary>Asks for the lines that <see cref="Emit"/> will write: rows of a wide output lie pages apart, and another core may have them.
    /// rax and rdx are free.</summary>
    public static void Ask(Assembler a, int rows, int vectors)
    {
        var none = a.CreateLabel();
        var narrow = a.CreateLabel();
        a.mov(rax, Argument(nameof(KernelArguments.Output)));
        a.test(rax, rax);
        a.je(none);
        a.mov(rdx, Argument(nameof(KernelArguments.OutputStride)));
        a.cmp(Argument(nameof(KernelArguments.OutputIsBf16)), 0);
        a.jne(narrow);
        Rows(vectors);
        a.jmp(none);
        a.Label(ref narrow);
        Rows(1);
        a.Label(ref none);

        void Rows(int lines)
        {
            for (var i = 0; i < rows; i++)
            {
                for (var line = 0; line < lines; line++)
                    a.prefetchw(__byte_ptr[rax + line * 64]);
                a.add(rax, rdx);
            }
        }
    }

    private static AssemblerMemoryOperand Argument(string field) => __qword_ptr[rbx + (int)Marshal.OffsetOf<KernelArguments>(field)];

    private static void Rows(Assembler a, AssemblerRegisterZMM[] sums, int rows, int vectors, bool bf16)
    {
        var bytes = bf16 ? 32 : 64;
        var store = a.CreateLabel();
        a.test(rcx, rcx);
        a.je(store);
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < vectors; j++)
            {
                var sum = sums[i * vectors + j];
                if (!bf16)
                {
                    a.vaddps(sum, sum, __zmmword_ptr[rcx + j * bytes]);
                    continue;
                }

                a.vpmovzxwd(sums[28 + j], __ymmword_ptr[rcx + j * bytes]);
                a.vpslld(sums[28 + j], sums[28 + j], 16);
                a.vaddps(sum, sum, sums[28 + j]);
            }

            a.add(rcx, r12);
        }

        a.mov(Argument(nameof(KernelArguments.Residual)), rcx);
        a.Label(ref store);
        for (var i = 0; i < rows; i++)
        {
            if (!bf16)
            {
                for (var j = 0; j < vectors; j++)
                    a.vmovups(__zmmword_ptr[rax + j * bytes], sums[i * vectors + j]);
            }
            else if (vectors == 2)
            {
                // The second source becomes the lower half.
                a.vcvtne2ps2bf16(zmm28, sums[2 * i + 1], sums[2 * i]);
                a.vmovdqu32(__zmmword_ptr[rax], zmm28);
            }
            else
            {
                a.vcvtneps2bf16(ymm28, sums[i]);
                a.vmovdqu32(__ymmword_ptr[rax], ymm28);
            }

            a.add(rax, rdx);
        }

        a.mov(Argument(nameof(KernelArguments.Output)), rax);
    }
}

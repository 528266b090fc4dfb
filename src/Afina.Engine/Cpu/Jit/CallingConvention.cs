using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Afina.Engine.Cpu.Jit;

/// <summary>Entry and exit of emitted functions that take one pointer: System V's registers, or Windows', where xmm6 to xmm15 belong to the
/// caller too.</summary>
internal static class CallingConvention
{
    /// <summary>Saves what the calling convention asks for and puts the pointer to the arguments in rbx.</summary>
    public static void Enter(Assembler a, bool windows)
    {
        a.push(rbx);
        a.push(r12);
        a.push(r13);
        a.push(r14);
        a.push(r15);
        a.push(rbp);
        a.push(rsi);
        a.push(rdi);
        a.mov(rbx, windows ? rcx : rdi);
        if (!windows)
            return;
        a.sub(rsp, 160);
        for (var i = 0; i < 10; i++)
            a.vmovups(__xmmword_ptr[rsp + i * 16], Xmm(6 + i));
    }

    /// <summary>Restores and returns.</summary>
    public static void Leave(Assembler a, bool windows)
    {
        if (windows)
        {
            for (var i = 0; i < 10; i++)
                a.vmovups(Xmm(6 + i), __xmmword_ptr[rsp + i * 16]);
            a.add(rsp, 160);
        }

        a.vzeroupper();
        a.pop(rdi);
        a.pop(rsi);
        a.pop(rbp);
        a.pop(r15);
        a.pop(r14);
        a.pop(r13);
        a.pop(r12);
        a.pop(rbx);
        a.ret();
    }

    private static AssemblerRegisterXMM Xmm(int index) => index switch
    {
        6 => xmm6,
        7 => xmm7,
        8 => xmm8,
        9 => xmm9,
        10 => xmm10,
        11 => xmm11,
        12 => xmm12,
        13 => xmm13,
        14 => xmm14,
        _ => xmm15,
    };
}

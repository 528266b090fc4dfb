using System.Runtime.InteropServices;

namespace Afina.Engine.Cpu.Jit;

/// <summary>Machine code made at run time: memory is written, then made executable, never both at once.</summary>
internal static unsafe class ExecutableMemory
{
    private static readonly IExecutableMapping? Mapping =
        RuntimeInformation.ProcessArchitecture != Architecture.X64 ? null
        : OperatingSystem.IsLinux() ? new LinuxMapping()
        : OperatingSystem.IsWindows() ? new WindowsMapping()
        : OperatingSystem.IsMacOS() ? new MacMapping()
        : null;

    private static readonly Lazy<string?> Refusal = new(Probe);

    /// <summary>Whether this process may run code that it wrote (hardened systems refuse).</summary>
    public static bool Available => Refusal.Value is null;

    /// <summary>Why not, in one line; null when available.</summary>
    public static string? WhyNot => Refusal.Value;

    /// <summary>Copies code into memory of its own that lives as long as the process; null when the system refuses.</summary>
    public static byte* Publish(ReadOnlySpan<byte> code)
    {
        if (Mapping is null)
            return null;
        var bytes = (nuint)((code.Length + 4095) & ~4095);
        var memory = Mapping.Map(bytes);
        if (memory is null)
            return null;
        code.CopyTo(new Span<byte>(memory, (int)bytes));
        if (Mapping.Seal(memory, bytes))
            return memory;
        Mapping.Unmap(memory, bytes);
        return null;
    }

    private static string? Probe()
    {
        if (Mapping is null)
            return "run-time code is made for 64-bit x86 on Linux, Windows and macOS only";
        try
        {
            // mov eax, 42; ret
            var code = Publish([0xB8, 42, 0, 0, 0, 0xC3]);
            if (code is null)
                return "the system refuses memory that is written and then run";
            return ((delegate* unmanaged<void*, int>)code)(null) == 42 ? null : "code written at run time gave a wrong answer";
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return $"the system's memory functions were not found ({e.Message})";
        }
    }
}

using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>A rectangle of memory that will be read soon, of which kernels ask the second cache for a line now and then while they compute: so
/// many at once would hold up what the kernel itself reads.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LinesAhead
{
    /// <summary>Lines that fp32 kernels ask for with each group of rows.</summary>
    public const int PerGroup = 8;

    private const int LineBytes = 64;

    /// <summary>The next line.</summary>
    public byte* Line;

    /// <summary>Lines not asked for yet; zero or less when there are none.</summary>
    public long Left;

    /// <summary>Lines of a row.</summary>
    public long RowLines;

    /// <summary>Lines of this row that are left.</summary>
    public long RowLeft;

    /// <summary>Bytes from the end of a row's lines to the next row.</summary>
    public long RowStep;

    /// <summary><paramref name="bytes"/> bytes of each row.</summary>
    public LinesAhead(byte* first, long stride, int rows, int bytes)
    {
        var aligned = (((nint)first | (nint)stride) & (LineBytes - 1)) == 0;
        Line = first;
        // A row that begins within a line may end in one more.
        RowLines = RowLeft = (bytes + LineBytes - 1) / LineBytes + (aligned ? 0 : 1);
        RowStep = stride - RowLines * LineBytes;
        Left = rows * RowLines;
    }

    /// <summary>Asks for up to as many lines as go with a group of an fp32 kernel.</summary>
    public void Ask()
    {
        for (var lines = PerGroup; Left > 0 && lines > 0; Left--, lines--)
        {
            Sse.Prefetch1(Line);
            Line += LineBytes;
            if (--RowLeft > 0)
                continue;
            Line += RowStep;
            RowLeft = RowLines;
        }
    }
}

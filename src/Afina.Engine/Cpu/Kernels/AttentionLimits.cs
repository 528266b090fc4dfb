using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Which rows of a span each lane of a tile sees: those from <see cref="Low"/> to <see cref="High"/>, both included.</summary>
internal unsafe struct AttentionLimits
{
    public fixed int Low[AttentionProducts.Lanes];
    public fixed int High[AttentionProducts.Lanes];

    /// <summary>Rows from here to <see cref="MinHigh"/> are seen by every lane.</summary>
    public int MaxLow;

    public int MinHigh;

    /// <summary>The first row that any lane sees.</summary>
    public int First;

    /// <summary>The row after the last one that any lane sees; 0 if they see none.</summary>
    public int End;

    /// <summary>The queries of a tile before a span. Lanes without a query see what the last query sees.</summary>
    public void Set(AttentionSegments segments, int segment, int firstQuery, int count, bool isOwn, int rows, int firstPosition, int window)
    {
        var own = segments[segment];
        (MaxLow, MinHigh, First, End) = (0, int.MaxValue, int.MaxValue, 0);
        for (var lane = 0; lane < AttentionProducts.Lanes; lane++)
        {
            var row = segments.RowOf(firstQuery + Math.Min(lane, count - 1)) - own.Start;
            var low = window == 0 ? 0 : Math.Max(0, own.FirstPosition + row - window + 1 - firstPosition);
            var high = isOwn ? row : rows - 1;
            (Low[lane], High[lane]) = (low, high);
            MaxLow = Math.Max(MaxLow, low);
            MinHigh = Math.Min(MinHigh, high);
            First = Math.Min(First, low);
            End = Math.Max(End, high + 1);
        }

        if (First >= End)
            End = 0;
    }

    /// <summary>All bits set in those of 16 lanes that see a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Seeing(AttentionLimits* limits, int row, int firstLane) => Between(
        Vector512.Create(row), Vector512.Load(limits->Low + firstLane), Vector512.Load(limits->High + firstLane));

    /// <summary>All bits set where low ≤ value ≤ high.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Between(Vector512<int> value, Vector512<int> low, Vector512<int> high) =>
        (Vector512.GreaterThanOrEqual(value, low) & Vector512.LessThanOrEqual(value, high)).AsSingle();
}

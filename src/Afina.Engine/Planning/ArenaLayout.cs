using Afina.Engine.Graphs;

namespace Afina.Engine.Planning;

/// <summary>Places values in one block of memory so that those that live at the same time do not overlap.</summary>
public static class ArenaLayout
{
    /// <summary>Alignment of every value, a cache line.</summary>
    public const long Alignment = 64;

    /// <summary>Rounds up to the alignment.</summary>
    public static long Align(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    /// <summary>Largest first, each at the lowest offset where it meets nobody who lives at the same time.</summary>
    public static (Dictionary<Value, long> Offsets, long Bytes) Place(IReadOnlyList<Life> lives, Func<Value, long> size)
    {
        var offsets = new Dictionary<Value, long>(lives.Count);
        var placed = new List<(Life Life, long Start, long End)>(lives.Count);
        long total = 0;
        foreach (var life in lives.OrderByDescending(life => size(life.Value)).ThenBy(life => life.First))
        {
            var bytes = Math.Max(Align(size(life.Value)), Alignment);
            long offset = 0;
            foreach (var other in placed)
            {
                if (other.Life.Last < life.First || other.Life.First > life.Last || other.End <= offset)
                    continue;
                if (other.Start >= offset + bytes)
                    break;
                offset = other.End;
            }

            offsets[life.Value] = offset;
            var entry = (life, offset, offset + bytes);
            var at = placed.FindIndex(other => other.Start > offset);
            placed.Insert(at < 0 ? placed.Count : at, entry);
            total = Math.Max(total, offset + bytes);
        }

        return (offsets, total);
    }
}

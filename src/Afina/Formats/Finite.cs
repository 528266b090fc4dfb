using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Formats;

/// <summary>Checks that numbers from a file are numbers: one NaN in an adapter spoils every answer of the model.</summary>
public static class Finite
{
    private const int Chunk = 4096;

    /// <summary>The index of the first NaN or infinity, or -1.</summary>
    public static int FirstBad(ReadOnlySpan<float> values)
    {
        var exponent = Vector256.Create(0x7F80_0000u);
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var i = 0;
        for (; i <= bits.Length - 8; i += 8)
        {
            if (Vector256.EqualsAny(Vector256.Create(bits.Slice(i, 8)) & exponent, exponent))
                break;
        }

        for (; i < bits.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                return i;
        }

        return -1;
    }

    /// <summary>Requires every element to be finite.</summary>
    /// <exception cref="InvalidDataException">It names the file, the tensor and the element.</exception>
    public static void Require(Weight weight, string file)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Span<float> chunk = stackalloc float[Chunk];
        for (var start = 0L; start < weight.Count; start += Chunk)
        {
            var part = chunk[..(int)Math.Min(Chunk, weight.Count - start)];
            weight.Decode(start, part);
            var bad = FirstBad(part);
            if (bad >= 0)
                throw Refusal.For($"{file}: tensor '{weight.Name}' has {part[bad]} at row {(start + bad) / weight.Columns}, column {(start + bad) % weight.Columns}; its numbers must be finite");
        }
    }
}

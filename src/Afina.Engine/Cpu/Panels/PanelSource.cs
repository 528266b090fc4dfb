using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Panels;

/// <summary>One operand as panels are packed from it: lanes (rows of the left, columns of the right) by inner elements.</summary>
/// <param name="reader">The stored matrix.</param>
/// <param name="kind">What the panels hold.</param>
/// <param name="innerContiguous">Whether a stored row is a lane (its inner elements lie side by side) or an inner element of all lanes.</param>
internal sealed unsafe class PanelSource(MatrixReader reader, PanelKind kind, bool innerContiguous)
{
    /// <summary>Inner elements converted at once: a multiple of every format's block, small enough to stay in the first cache.</summary>
    private const int Piece = 256;

    /// <summary>Scratch that <see cref="Pack"/> needs for panels of up to <paramref name="width"/> lanes.</summary>
    public static long ScratchBytes(int width) => (long)width * Piece * sizeof(float);

    /// <summary>Packs lanes [lane, lane + lanes) and inner elements [inner, inner + count) to destination[step][width]; lanes up to
    /// <paramref name="width"/> and the second half of a last odd pair are zeros.</summary>
    public void Pack(int lane, int lanes, int width, int inner, int count, byte* destination, byte* scratch)
    {
        var stepsPerPiece = kind == PanelKind.Bf16 ? Piece / 2 : Piece;
        if (reader.Data is not null)
        {
            var first = innerContiguous ? (long)lane * reader.Stride + inner : (long)inner * reader.Stride + lane;
            PackRows(reader.Data + first * reader.DataType.Bytes(), reader.Stride, lanes, width, count, destination, reader.DataType == DType.BF16);
            return;
        }

        for (var done = 0; done < count; done += Piece)
        {
            var part = Math.Min(Piece, count - done);
            if (innerContiguous)
            {
                reader.Read(lane, lanes, inner + done, part, scratch, Piece);
                PackRows(scratch, Piece, lanes, width, part, destination, kind == PanelKind.Bf16);
            }
            else if (kind != PanelKind.Bf16 && lanes == width)
            {
                reader.Read(inner + done, part, lane, lanes, destination, width);
            }
            else
            {
                reader.Read(inner + done, part, lane, lanes, scratch, width);
                PackRows(scratch, width, lanes, width, part, destination, kind == PanelKind.Bf16);
            }

            destination += (long)stepsPerPiece * width * 4;
        }
    }

    /// <summary>The memory that <see cref="Pack"/> reads.</summary>
    public LinesAhead Lines(int lane, int lanes, int inner, int count) =>
        innerContiguous ? reader.Lines(lane, lanes, inner, count) : reader.Lines(inner, count, lane, lanes);

    private void PackRows(byte* source, long stride, int lanes, int width, int count, byte* destination, bool bf16)
    {
        switch (innerContiguous, bf16, kind == PanelKind.Bf16)
        {
            case (true, false, _):
                PanelTransposer.Pack(source, stride * 4, lanes, count, (uint*)destination, width);
                break;
            case (true, true, false):
                PanelTransposer.PackWidened((ushort*)source, stride, lanes, count, (float*)destination, width);
                break;
            case (true, true, true):
                PanelTransposer.PackPairs((ushort*)source, stride, lanes, count, (uint*)destination, width);
                break;
            case (false, false, _):
                PanelInterleaver.PackFp32((float*)source, stride, lanes, count, (float*)destination, width);
                break;
            case (false, true, false):
                PanelInterleaver.PackWidened((ushort*)source, stride, lanes, count, (float*)destination, width);
                break;
            case (false, true, true):
                PanelInterleaver.PackBf16((ushort*)source, stride, lanes, count, (ushort*)destination, width);
                break;
        }
    }
}

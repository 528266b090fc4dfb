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
        var bytes = kind == PanelKind.Bf16 ? 2 : 4;
        var stepsPerPiece = kind == PanelKind.Bf16 ? Piece / 2 : Piece;
        if (reader.Data is not null)
        {
            PackRows(At(reader.Data, reader.Stride, lane, inner, bytes), reader.Stride, lanes, width, count, destination);
            return;
        }

        for (var done = 0; done < count; done += Piece)
        {
            var part = Math.Min(Piece, count - done);
            if (innerContiguous)
            {
                reader.Read(lane, lanes, inner + done, part, scratch, Piece);
                PackRows(scratch, Piece, lanes, width, part, destination);
            }
            else
            {
                reader.Read(inner + done, part, lane, lanes, scratch, width);
                PackRows(scratch, width, lanes, width, part, destination);
            }

            destination += (long)stepsPerPiece * width * 4;
        }
    }

    /// <summary>Asks the second cache for one of <paramref name="parts"/> parts of what a later <see cref="Pack"/> reads.</summary>
    public void Prefetch(int lane, int lanes, int inner, int count, int part, int parts)
    {
        var rows = innerContiguous ? lanes : count;
        var (start, end) = ((int)((long)rows * part / parts), (int)((long)rows * (part + 1) / parts));
        if (innerContiguous)
            reader.Prefetch(lane + start, end - start, inner, count);
        else
            reader.Prefetch(inner + start, end - start, lane, lanes);
    }

    private byte* At(byte* data, long stride, int lane, int inner, int bytes) =>
        data + (innerContiguous ? lane * stride + inner : inner * stride + lane) * bytes;

    private void PackRows(byte* source, long stride, int lanes, int width, int count, byte* destination)
    {
        if (!innerContiguous)
        {
            if (kind == PanelKind.Bf16)
                PanelInterleaver.PackBf16((ushort*)source, stride, lanes, count, (ushort*)destination, width);
            else
                PanelInterleaver.PackFp32((float*)source, stride, lanes, count, (float*)destination, width);
            return;
        }

        if (kind != PanelKind.Bf16)
        {
            PanelTransposer.Pack(source, stride * 4, lanes, count, (uint*)destination, width);
            return;
        }

        PanelTransposer.Pack(source, stride * 2, lanes, count / 2, (uint*)destination, width);
        if (count % 2 == 0)
            return;
        var last = (uint*)destination + (long)(count / 2) * width;
        for (var l = 0; l < width; l++)
            last[l] = l < lanes ? ((ushort*)source)[l * stride + count - 1] : 0u;
    }
}

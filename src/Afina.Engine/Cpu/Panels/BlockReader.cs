using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads a weight of any format through its own decoder: what the vectorized readers do not know.</summary>
internal sealed unsafe class BlockReader(Weight weight, PanelKind kind) : MatrixReader
{
    private const int Piece = 256;

    public override void Read(int row, int rows, int column, int columns, byte* destination, int stride)
    {
        var piece = stackalloc float[Piece];
        for (var r = 0; r < rows; r++)
        {
            var start = (long)(row + r) * weight.Columns + column;
            for (var c = 0; c < columns; c += Piece)
            {
                var count = Math.Min(Piece, columns - c);
                var to = (long)r * stride + c;
                if (kind == PanelKind.Bf16)
                {
                    weight.Format.Decode(weight.Data, weight.Scales, start + c, count, piece);
                    Conversions.ToBf16(piece, (ushort*)destination + to, count);
                    continue;
                }

                weight.Format.Decode(weight.Data, weight.Scales, start + c, count, (float*)destination + to);
                if (kind == PanelKind.RoundedFp32)
                    Conversions.Round((float*)destination + to, (float*)destination + to, count);
            }
        }
    }
}

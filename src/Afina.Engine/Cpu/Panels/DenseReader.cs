using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Reads plain fp32 or bfloat16 elements.</summary>
internal sealed unsafe class DenseReader(byte* data, DType type, int stride, PanelKind kind) : MatrixReader
{
    private readonly byte* _data = data;

    public override byte* Data => type == DType.BF16 || kind == PanelKind.Fp32 ? _data : null;

    public override DType DataType => type;

    public override int Stride => stride;

    public override void Read(int row, int rows, int column, int columns, byte* destination, int destinationStride)
    {
        for (var r = 0; r < rows; r++)
        {
            var start = (long)(row + r) * stride + column;
            var to = (long)r * destinationStride;
            switch (type, kind)
            {
                case (DType.F32, PanelKind.Fp32):
                    new ReadOnlySpan<float>((float*)_data + start, columns).CopyTo(new Span<float>((float*)destination + to, columns));
                    break;
                case (DType.F32, PanelKind.RoundedFp32):
                    Conversions.Round((float*)_data + start, (float*)destination + to, columns);
                    break;
                case (DType.F32, PanelKind.Bf16):
                    Conversions.ToBf16((float*)_data + start, (ushort*)destination + to, columns);
                    break;
                case (DType.BF16, PanelKind.Bf16):
                    new ReadOnlySpan<ushort>((ushort*)_data + start, columns).CopyTo(new Span<ushort>((ushort*)destination + to, columns));
                    break;
                default:
                    Conversions.ToFp32((ushort*)_data + start, (float*)destination + to, columns);
                    break;
            }
        }
    }

    public override LinesAhead Lines(int row, int rows, int column, int columns) =>
        new(_data + ((long)row * stride + column) * type.Bytes(), (long)stride * type.Bytes(), rows, columns * type.Bytes());
}

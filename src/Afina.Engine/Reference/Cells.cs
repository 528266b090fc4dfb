using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Reference;

/// <summary>The elements of a value of any type, read and written as doubles.</summary>
internal readonly unsafe struct Cells
{
    private readonly byte* _data;
    private readonly DType _type;
    private readonly int _columns;
    private readonly float[]? _frozen;

    public Cells(Value value, byte* data, bool isPlanning)
    {
        _data = data;
        _type = value.Type;
        _columns = value.Columns;
        if (value.Weight is { } weight && !isPlanning)
        {
            _frozen = new float[weight.Count];
            weight.Decode(0, _frozen);
        }
    }

    public bool Exists => _data is not null || _frozen is not null;

    public double this[int row, int column]
    {
        get
        {
            var at = (long)row * _columns + column;
            if (_frozen is not null)
                return _frozen[at];
            return _type switch
            {
                DType.F32 => ((float*)_data)[at],
                DType.F64 => ((double*)_data)[at],
                DType.BF16 => BFloat16.ToSingle(((ushort*)_data)[at]),
                DType.I32 => ((int*)_data)[at],
                DType.U8 => _data[at],
                _ => throw new NotSupportedException($"no reference for {_type}"),
            };
        }

        set
        {
            var at = (long)row * _columns + column;
            switch (_type)
            {
                case DType.F32: ((float*)_data)[at] = (float)value; break;
                case DType.F64: ((double*)_data)[at] = value; break;
                case DType.BF16: ((ushort*)_data)[at] = BFloat16.FromSingle((float)value); break;
                case DType.I32: ((int*)_data)[at] = (int)value; break;
                case DType.U8: _data[at] = (byte)value; break;
                default: throw new NotSupportedException($"no reference for {_type}");
            }
        }
    }

    /// <summary>Assigns, or adds.</summary>
    public void Put(int row, int column, double value, bool adds) => this[row, column] = adds ? this[row, column] + value : value;
}

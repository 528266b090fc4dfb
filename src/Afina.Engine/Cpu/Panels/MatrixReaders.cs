using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Panels;

/// <summary>Chooses the reader of a frozen weight.</summary>
internal static unsafe class MatrixReaders
{
    /// <summary>The fastest reader of <paramref name="weight"/> for panels of <paramref name="kind"/>.</summary>
    public static MatrixReader Of(Weight weight, PanelKind kind) => weight.Format.Name switch
    {
        "F32" => new DenseReader(weight.Data, DType.F32, weight.Columns, kind),
        "BF16" => new DenseReader(weight.Data, DType.BF16, weight.Columns, kind),
        _ => new BlockReader(weight, kind),
    };
}

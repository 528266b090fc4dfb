using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Chooses how the stored rows of a right operand are multiplied with a few rows.</summary>
internal static unsafe class RowDots
{
    /// <summary>The fastest for this operand, whose stored rows have <paramref name="columns"/> elements.</summary>
    public static RowDot Of(Operand operand, int columns, bool vectors)
    {
        var weight = operand.Weight;
        var format = weight?.Format.Name ?? (operand.Type == DType.F32 ? "F32" : "BF16");
        var data = weight is null ? operand.Data : weight.Data;
        if (!vectors || columns % 32 != 0)
            format = "";
        // Rows that are not whole blocks (bitsandbytes lets them run on) take the general way too.
        if (format is "NF4" or "FP4" && (columns % weight!.Scales!.BlockSize != 0 || weight.Scales.BlockSize % 32 != 0 || !int.IsPow2(weight.Scales.BlockSize)))
            format = "";
        return format switch
        {
            "F32" => new BlockDot<Fp32Decoder>(new Fp32Decoder(data, operand.Stride), columns),
            "BF16" => new BlockDot<Bf16Decoder>(new Bf16Decoder(data, operand.Stride), columns),
            "Q4_0" or "Q4_1" => new BlockDot<Q4Decoder>(new Q4Decoder(weight!), columns),
            "Q8_0" => new BlockDot<Q8Decoder>(new Q8Decoder(weight!), columns),
            "NF4" or "FP4" => new BlockDot<FourBitDecoder>(new FourBitDecoder(weight!), columns),
            _ => new ReaderDot(weight is null ? new DenseReader(data, operand.Type, operand.Stride, PanelKind.Fp32) : MatrixReaders.Of(weight, PanelKind.Fp32), columns),
        };
    }
}

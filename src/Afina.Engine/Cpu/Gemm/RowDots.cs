using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Chooses how the stored rows of a right operand are multiplied with a few rows.</summary>
internal static unsafe class RowDots
{
    /// <summary>The fastest for this operand, whose stored rows have <paramref name="columns"/> elements.</summary>
    public static RowDot Of(Operand operand, int columns, bool vectors, bool emitted)
    {
        var weight = operand.Weight;
        var format = weight?.Format.Name ?? (operand.Type == DType.F32 ? "F32" : "BF16");
        var data = weight is null ? operand.Data : weight.Data;
        if (!vectors || columns % 32 != 0)
            format = "";
        if (format is "NF4" or "FP4" && !WholeBlocks(weight!.Scales!, columns))
            format = "";
        if (weight is not null && columns % weight.Format.BlockElements != 0)
            format = "";
        // Only bf16 products: x enters emitted code as bfloat16.
        if (emitted && format is ("Q4_0" or "Q4_1") && new EmittedQ4Dot(weight!) is { Ready: true } dot)
            return dot;
        return format switch
        {
            "F32" => new BlockDot<Fp32Decoder>(new Fp32Decoder(data, operand.Stride), columns),
            "BF16" => new BlockDot<Bf16Decoder>(new Bf16Decoder(data, operand.Stride), columns),
            "Q4_0" => new BlockDot<Q40Decoder>(new Q40Decoder(weight!), columns),
            "Q4_1" => new BlockDot<Q41Decoder>(new Q41Decoder(weight!), columns),
            "Q8_0" => new BlockDot<Q8Decoder>(new Q8Decoder(weight!), columns),
            "Q4_K" => new BlockDot<Q4KDecoder>(new Q4KDecoder(weight!), columns),
            "Q5_K" => new BlockDot<Q5KDecoder>(new Q5KDecoder(weight!), columns),
            "Q6_K" => new BlockDot<Q6KDecoder>(new Q6KDecoder(weight!), columns),
            "NF4" or "FP4" => new BlockDot<FourBitDecoder>(new FourBitDecoder(weight!), columns),
            _ => new ReaderDot(weight is null ? new DenseReader(data, operand.Type, operand.Stride, PanelKind.Fp32) : MatrixReaders.Of(weight, PanelKind.Fp32), columns),
        };
    }

    /// <summary>Whether rows are whole blocks of bitsandbytes (which lets them run on).</summary>
    private static bool WholeBlocks(BlockScales scales, int columns) =>
        ScaleReader.Reads(scales) && scales.BlockSize >= 32 && columns % scales.BlockSize == 0;
}

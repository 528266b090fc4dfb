using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Chooses how the stored rows of a right operand are multiplied with a few rows.</summary>
internal static unsafe class RowDots
{
    /// <summary>The fastest for this operand, whose stored rows have <paramref name="columns"/> elements.</summary>
    /// <param name="lanes">Lanes of the vectors that blocks may be read with: 16 (AVX-512), 8 (AVX2), 0 (none).</param>
    /// <param name="sixteenBits">Whether x may enter in 16 bits: as pairs of bfloat16 in emitted code, or with AVX2 as integers.</param>
    public static RowDot Of(Operand operand, int columns, int lanes, bool sixteenBits)
    {
        var weight = operand.Weight;
        var format = weight?.Format.Name ?? (operand.Type == DType.F32 ? "F32" : "BF16");
        var data = weight is null ? operand.Data : weight.Data;
        if (lanes == 0 || columns % 32 != 0)
            format = "";
        if (format is "NF4" or "FP4" && !WholeBlocks(weight!.Scales!, columns))
            format = "";
        if (weight is not null && columns % weight.Format.BlockElements != 0)
            format = "";
        if (sixteenBits && lanes == 16 && format is ("Q4_0" or "Q4_1") && new EmittedQ4Dot(weight!) is { Ready: true } dot)
            return dot;
        var integers = sixteenBits && lanes == 8;
        return format switch
        {
            "F32" => Of(new Fp32Decoder(data, operand.Stride), columns, lanes),
            "BF16" => Of(new Bf16Decoder(data, operand.Stride), columns, lanes),
            "Q4_0" when integers => new IntegerDot<Q40Codes>(weight!),
            "Q4_0" => Of(new Q40Decoder(weight!), columns, lanes),
            "Q4_1" when integers => new IntegerDot<Q41Codes>(weight!),
            "Q4_1" => Of(new Q41Decoder(weight!), columns, lanes),
            "Q8_0" when integers => new IntegerDot<Q8Codes>(weight!),
            "Q8_0" => Of(new Q8Decoder(weight!), columns, lanes),
            "Q4_K" => Of(new Q4KDecoder(weight!), columns, lanes),
            "Q5_K" => Of(new Q5KDecoder(weight!), columns, lanes),
            "Q6_K" => Of(new Q6KDecoder(weight!), columns, lanes),
            "NF4" or "FP4" => Of(new FourBitDecoder(weight!), columns, lanes),
            _ => new ReaderDot(weight is null ? new DenseReader(data, operand.Type, operand.Stride, PanelKind.Fp32) : MatrixReaders.Of(weight, PanelKind.Fp32), columns),
        };
    }

    private static RowDot Of<TDecoder>(TDecoder decoder, int columns, int lanes)
        where TDecoder : struct, IBlockDecoder => lanes == 16 ? new Avx512BlockDot<TDecoder>(decoder, columns) : new Avx2BlockDot<TDecoder>(decoder, columns);

    /// <summary>Whether rows are whole blocks of bitsandbytes (which lets them run on).</summary>
    private static bool WholeBlocks(BlockScales scales, int columns) =>
        ScaleReader.Reads(scales) && scales.BlockSize >= 32 && columns % scales.BlockSize == 0;
}

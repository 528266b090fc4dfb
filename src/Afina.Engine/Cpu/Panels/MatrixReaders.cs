using Afina.Engine.Cpu.Gemm;
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
        // The formats that training uses most; the others take the way over fp32.
        "Q4_0" or "Q4_1" when Wide(kind) => new Q4Reader(weight),
        "Q8_0" when Wide(kind) => new DecodingReader<Q8Decoder>(new Q8Decoder(weight), weight),
        "Q4_K" when Wide(kind) => new DecodingReader<Q4KDecoder>(new Q4KDecoder(weight), weight),
        "Q5_K" when Wide(kind) => new DecodingReader<Q5KDecoder>(new Q5KDecoder(weight), weight),
        "Q6_K" when Wide(kind) => new DecodingReader<Q6KDecoder>(new Q6KDecoder(weight), weight),
        "NF4" or "FP4" when Wide(kind) && ScaleReader.Reads(weight.Scales!) => new FourBitReader(weight),
        _ => new BlockReader(weight, kind),
    };

    private static bool Wide(PanelKind kind) => kind == PanelKind.Bf16 && CpuFeatures.Avx512;
}

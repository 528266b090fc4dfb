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
        // The others take the way over their own decoders.
        "Q4_0" or "Q4_1" when IsBf16(kind) => new Q4Reader(weight),
        "Q4_0" when IsFp32(kind) => new DecodingReader<Q40Decoder>(new Q40Decoder(weight), weight, kind),
        "Q4_1" when IsFp32(kind) => new DecodingReader<Q41Decoder>(new Q41Decoder(weight), weight, kind),
        "Q8_0" when IsVector(kind) => new DecodingReader<Q8Decoder>(new Q8Decoder(weight), weight, kind),
        "Q4_K" when IsVector(kind) => new DecodingReader<Q4KDecoder>(new Q4KDecoder(weight), weight, kind),
        "Q5_K" when IsVector(kind) => new DecodingReader<Q5KDecoder>(new Q5KDecoder(weight), weight, kind),
        "Q6_K" when IsVector(kind) => new DecodingReader<Q6KDecoder>(new Q6KDecoder(weight), weight, kind),
        "NF4" or "FP4" when IsVector(kind) && ScaleReader.Reads(weight.Scales!) => new FourBitReader(weight, kind),
        _ => new BlockReader(weight, kind),
    };

    private static bool IsVector(PanelKind kind) => IsBf16(kind) || IsFp32(kind);

    private static bool IsBf16(PanelKind kind) => kind == PanelKind.Bf16 && CpuFeatures.Avx512;

    private static bool IsFp32(PanelKind kind) => kind != PanelKind.Bf16 && CpuFeatures.Avx2;
}

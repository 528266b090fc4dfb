namespace Afina.Engine.Tensors.Blocks;

/// <summary>Every block format, by the name its makers use.</summary>
public static class BlockFormats
{
    /// <summary>32-bit floats.</summary>
    public static readonly BlockFormat F32 = new F32();

    /// <summary>IEEE 16-bit floats.</summary>
    public static readonly BlockFormat F16 = new F16();

    /// <summary>The upper halves of 32-bit floats.</summary>
    public static readonly BlockFormat BF16 = new BF16();

    /// <summary>GGUF: 4-bit codes, one scale per 32.</summary>
    public static readonly BlockFormat Q4_0 = new Q4_0();

    /// <summary>GGUF: 4-bit codes, a scale and a minimum per 32.</summary>
    public static readonly BlockFormat Q4_1 = new Q4_1();

    /// <summary>GGUF: 5-bit codes, one scale per 32.</summary>
    public static readonly BlockFormat Q5_0 = new Q5_0();

    /// <summary>GGUF: 5-bit codes, a scale and a minimum per 32.</summary>
    public static readonly BlockFormat Q5_1 = new Q5_1();

    /// <summary>GGUF: 8-bit codes, one scale per 32.</summary>
    public static readonly BlockFormat Q8_0 = new Q8_0();

    /// <summary>GGUF: 2-bit codes in super-blocks of 256.</summary>
    public static readonly BlockFormat Q2_K = new Q2_K();

    /// <summary>GGUF: 3-bit codes in super-blocks of 256.</summary>
    public static readonly BlockFormat Q3_K = new Q3_K();

    /// <summary>GGUF: 4-bit codes in super-blocks of 256.</summary>
    public static readonly BlockFormat Q4_K = new Q4_K();

    /// <summary>GGUF: 5-bit codes in super-blocks of 256.</summary>
    public static readonly BlockFormat Q5_K = new Q5_K();

    /// <summary>GGUF: 6-bit codes in super-blocks of 256.</summary>
    public static readonly BlockFormat Q6_K = new Q6_K();

    /// <summary>GGUF: 4-bit codes of unevenly spaced values, one scale per 32.</summary>
    public static readonly BlockFormat IQ4_NL = new IQ4_NL();

    /// <summary>GGUF: 4-bit codes of unevenly spaced values in super-blocks of 256.</summary>
    public static readonly BlockFormat IQ4_XS = new IQ4_XS();

    /// <summary>bitsandbytes: 4-bit codes of quantiles of the normal distribution.</summary>
    public static readonly FourBitFormat NF4 = new NF4();

    /// <summary>bitsandbytes: 4-bit floats.</summary>
    public static readonly FourBitFormat FP4 = new FP4();

    /// <summary>bitsandbytes: 8-bit codes, one scale per row (LLM.int8).</summary>
    public static readonly BlockFormat Int8Rows = new Int8Rows();

    /// <summary>The formats that a GGUF file can hold.</summary>
    public static readonly IReadOnlyList<BlockFormat> Ggml = [F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS];

    /// <summary>The format that GGUF files number <paramref name="type"/>, or null if it is none that Afina reads.</summary>
    public static BlockFormat? FromGgmlType(int type)
    {
        foreach (var format in Ggml)
        {
            if (format.GgmlType == type)
                return format;
        }

        return null;
    }

    /// <summary>The format that stores plain elements of <paramref name="type"/>, or null for types that are no weights.</summary>
    public static BlockFormat? FromDType(DType type) => type switch
    {
        DType.F32 => F32,
        DType.F16 => F16,
        DType.BF16 => BF16,
        _ => null,
    };
}

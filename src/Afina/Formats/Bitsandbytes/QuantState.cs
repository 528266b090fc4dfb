using Afina.Formats.HuggingFace;

namespace Afina.Formats.Bitsandbytes;

/// <summary>The JSON that bitsandbytes stores, as a tensor of bytes, beside each 4-bit weight.</summary>
/// <param name="Type"><c>nf4</c> or <c>fp4</c>.</param>
/// <param name="BlockSize">Elements per block.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="NestedBlockSize">Blocks per nested block; 0 without double quantization.</param>
/// <param name="NestedOffset">The mean that was taken off the absolute maxima.</param>
internal sealed record QuantState(string Type, int BlockSize, int Rows, int Columns, int NestedBlockSize, float NestedOffset)
{
    private const int Largest = 1 << 16;

    /// <summary>Parses the bytes; <paramref name="where"/> is the file and the tensor.</summary>
    public static QuantState Parse(ReadOnlySpan<byte> bytes, string where)
    {
        if (bytes.Length > Largest)
            throw Refusal.For($"{where}: {bytes.Length} bytes are too many for a quantization state");
        var reader = new ConfigReader(JsonFile.ParseObject(bytes.ToArray(), where), where);
        var type = reader.RequiredString("quant_type");
        var blockSize = reader.RequiredInt("blocksize");
        if (blockSize is < 32 or > 4096 || (blockSize & (blockSize - 1)) != 0)
            throw reader.Wrong("blocksize", "must be a power of two from 32 to 4096");
        var shape = reader.OptionalInts("shape");
        if (shape is not ([> 0] or [> 0, > 0]))
            throw reader.Wrong("shape", "must be the rows and columns of a matrix");
        var nested = reader.OptionalInt("nested_blocksize") ?? 0;
        if (nested < 0)
            throw reader.Wrong("nested_blocksize", "must be at least 1");
        var offset = nested > 0 ? (float)reader.RequiredNumber("nested_offset") : 0;
        return new QuantState(type, blockSize, shape is [_, _] ? shape[0] : 1, shape[^1], nested, offset);
    }
}

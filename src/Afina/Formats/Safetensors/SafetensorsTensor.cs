namespace Afina.Formats.Safetensors;

/// <summary>What the header says of one tensor.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">Its dimensions, slowest first; empty for a scalar.</param>
/// <param name="Offset">The position of its first byte in the file.</param>
/// <param name="Bytes">Its size.</param>
public sealed record SafetensorsTensor(string Name, SafetensorsType Type, long[] Shape, long Offset, long Bytes)
{
    /// <summary>Elements in all.</summary>
    public long Count
    {
        get
        {
            var count = 1L;
            foreach (var size in Shape)
                count *= size;
            return count;
        }
    }

    /// <summary>The shape as messages print it.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}

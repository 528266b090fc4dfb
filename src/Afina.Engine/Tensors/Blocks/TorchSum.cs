namespace Afina.Engine.Tensors.Blocks;

/// <summary>An fp32 sum in the order in which torch adds a contiguous tensor on a CPU: eight lanes, four rows of them at a time, in cascades,
/// so that a mean has the same last digit (ATen, SumKernel.cpp).</summary>
internal static class TorchSum
{
    private const int Lanes = 8;
    private const int Rows = 4;
    private const int Levels = 4;

    public static float Of(ReadOnlySpan<float> values)
    {
        var vectors = values.Length / Lanes;
        var whole = vectors / Rows;
        var power = Math.Max(4, (int)Math.Ceiling(Math.Log2(Math.Max(whole, 1))) / Levels);
        var (step, mask) = (1 << power, (1 << power) - 1);
        Span<float> sums = stackalloc float[Levels * Rows * Lanes];
        sums.Clear();
        const int Width = Rows * Lanes;
        var i = 0;
        while (i + step <= whole)
        {
            for (var j = 0; j < step; j++, i++)
                Add(sums[..Width], values.Slice(i * Width, Width));
            for (var level = 1; level < Levels; level++)
            {
                var below = sums.Slice((level - 1) * Width, Width);
                Add(sums.Slice(level * Width, Width), below);
                below.Clear();
                if ((i & (mask << (level * power))) != 0)
                    break;
            }
        }

        for (; i < whole; i++)
            Add(sums[..Width], values.Slice(i * Width, Width));
        for (var level = 1; level < Levels; level++)
            Add(sums[..Width], sums.Slice(level * Width, Width));
        var lanes = sums[..Lanes];
        for (var vector = whole * Rows; vector < vectors; vector++)
            Add(lanes, values.Slice(vector * Lanes, Lanes));
        for (var row = 1; row < Rows; row++)
            Add(lanes, sums.Slice(row * Lanes, Lanes));
        var sum = 0f;
        foreach (var value in values[(vectors * Lanes)..])
            sum += value;
        foreach (var lane in lanes)
            sum += lane;
        return sum;
    }

    private static void Add(Span<float> to, ReadOnlySpan<float> values)
    {
        for (var i = 0; i < to.Length; i++)
            to[i] += values[i];
    }
}

namespace Afina.Engine.Cpu.Kernels;

/// <summary>Stretches of up to a fixed number of rows of segments: the tile list of a batch, in memory for the largest one.</summary>
internal sealed class AttentionBlocks(int rows, int segments, int size)
{
    private readonly int[] _segment = new int[rows / size + Math.Min(rows, segments)];
    private readonly int[] _first = new int[rows / size + Math.Min(rows, segments)];

    /// <summary>Blocks of this batch.</summary>
    public int Count { get; private set; }

    /// <summary>A block's segment and its first row there. Later rows see more, so they come first: the last tiles to run are short.</summary>
    public (int Segment, int First) this[int block] => (_segment[Count - 1 - block], _first[Count - 1 - block]);

    public void Clear() => Count = 0;

    public void Add(int segment, int length)
    {
        for (var first = 0; first < length; first += size)
        {
            (_segment[Count], _first[Count]) = (segment, first);
            Count++;
        }
    }
}

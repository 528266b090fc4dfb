namespace Afina.Engine.Cpu.Gemm;

/// <summary>How the rows of a block are cut into groups: of nearly equal size where a kernel takes any number of rows (16 rows are two
/// groups of 8, not 14 and 2), otherwise full groups, the last one padded.</summary>
internal readonly struct RowGroups
{
    private readonly int _small;
    private readonly int _large;

    public RowGroups(int rows, MicroKernel kernel)
    {
        Rows = rows;
        Count = (rows + kernel.Rows - 1) / kernel.Rows;
        if (kernel.AnyRows && rows > 0)
        {
            _small = rows / Count;
            _large = rows % Count;
        }
        else
        {
            _small = kernel.Rows;
            _large = 0;
        }
    }

    /// <summary>Rows of the block.</summary>
    public int Rows { get; }

    /// <summary>Groups.</summary>
    public int Count { get; }

    /// <summary>The first <see cref="LargeCount"/> groups have one row more than the others.</summary>
    public int LargeCount => _large;

    /// <summary>Rows that group <paramref name="group"/> takes in panels, padding included.</summary>
    public int RowsOf(int group) => group < _large ? _small + 1 : _small;

    /// <summary>The first row of a group; of <see cref="Count"/>, the rows of all groups with padding.</summary>
    public int Start(int group) => group * _small + Math.Min(group, _large);
}

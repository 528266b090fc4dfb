namespace Afina.Engine.Cpu.Gemm;

/// <summary>A product prepared once and run many times by a team of threads, without managed allocation.</summary>
/// <remarks>Run all tiles of a phase, in any order, on any threads, then the next phase. Tiles are cut by constants and never share sums,
/// so the result has the same bits on any number of threads.</remarks>
internal sealed unsafe class MatrixProduct
{
    private readonly ProductSpec _spec;
    private readonly TiledProduct? _tiled;
    private readonly FewRowsProduct? _fewRows;
    private readonly NarrowProduct? _narrow;

    /// <summary>Prepares a product for this processor's kernel, or for <paramref name="kernel"/>.</summary>
    /// <exception cref="ArgumentException">Shapes do not fit together.</exception>
    public MatrixProduct(ProductSpec spec, MicroKernel? kernel = null)
    {
        ProductChecks.Validate(spec);
        _spec = spec;
        kernel ??= MicroKernels.For(spec.Mode);
        _narrow = NarrowProduct.TryCreate(spec, kernel);
        _tiled = _narrow is null ? new TiledProduct(ProductTransposition.Apply(spec), kernel) : null;
        _fewRows = FewRowsProduct.TryCreate(spec, kernel);
    }

    /// <summary>Scratch shared by all workers; products that do not run at the same time may share it.</summary>
    public long SharedBytes => _tiled?.SharedBytes ?? _narrow!.SharedBytes;

    /// <summary>Scratch of one worker; products may share it.</summary>
    public long WorkerBytes => Math.Max(_tiled?.WorkerBytes ?? _narrow!.WorkerBytes, _fewRows?.WorkerBytes ?? 0);

    /// <summary>The most phases that a run takes. The executor puts a barrier between phases; a phase without tiles needs none.</summary>
    public int Phases => _tiled?.Phases ?? 2;

    /// <summary>The most rows that a run may bind.</summary>
    public int Capacity => _spec.Counted == CountedDimension.Rows ? _spec.Rows : _spec.Lefts[0].Inner;

    /// <summary>Gives the scratch: <see cref="SharedBytes"/> bytes, and <see cref="WorkerBytes"/> at workers + worker * workerStride; all
    /// aligned to 64 bytes.</summary>
    public void Bind(byte* shared, byte* workers, long workerStride)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workerStride, WorkerBytes);
        _tiled?.Bind(shared, workers, workerStride);
        _narrow?.Bind(shared, workers, workerStride);
        _fewRows?.Bind(workers, workerStride);
    }

    /// <summary>Tiles of a phase when <paramref name="count"/> rows are bound; may be zero.</summary>
    public int Tiles(int phase, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Capacity);
        if (IsFew(count))
            return phase == 0 ? _fewRows!.Tiles() : 0;
        return _tiled?.Tiles(phase, count) ?? _narrow!.Tiles(phase, count);
    }

    /// <summary>Runs one tile, with the scratch of <paramref name="worker"/>.</summary>
    public void Run(int phase, int tile, int count, int worker)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)tile, (uint)Tiles(phase, count));
        if (IsFew(count))
            _fewRows!.Run(tile, count, worker);
        else if (_tiled is not null)
            _tiled.Run(phase, tile, count, worker);
        else
            _narrow!.Run(phase, tile, count, worker);
    }

    private bool IsFew(int count) => _fewRows is not null && count is > 0 and <= RowDot.MaxRows;
}

namespace Afina.Engine.Execution;

/// <summary>Threads that take the tiles of a program's kernels and meet after each phase. The caller is one of them.</summary>
/// <remarks>A thread that waits spins for some tens of microseconds and then parks, since other programs use the cores too.</remarks>
public sealed class Team : IDisposable
{
    private const int Spins = 2000;

    private readonly Thread[] _threads;
    private readonly object _gate = new();
    private Executor? _executor;
    private readonly TileQueue _tiles;
    private int _arrived;
    private int _generation;
    private int _parked;
    private bool _stopping;
    private Exception? _error;

    /// <summary>Starts threads; <paramref name="size"/> counts the caller.</summary>
    public Team(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Size = size;
        _tiles = new TileQueue(size);
        _threads = new Thread[size - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _threads[i] = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"afina {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads, the caller included.</summary>
    public int Size { get; }

    /// <summary>Runs a program; returns when every tile is done.</summary>
    internal void Run(Executor executor)
    {
        _executor = executor;
        Meet();
        executor.Work(this, 0);

        // A program may have no phase at all: nobody may still be about to read the executor or its counts.
        Meet();
        _executor = null;
        if (_error is { } error)
        {
            _error = null;
            throw new InvalidOperationException($"a kernel failed: {error.Message}", error);
        }
    }

    /// <summary>The next tile of the phase that all threads are in, for one of them; −1: there is none.</summary>
    internal int Take(int worker, int tiles) => _tiles.Take(worker, tiles);

    /// <summary>Keeps the first error; the program runs on so that all threads still meet.</summary>
    internal void Fail(Exception error) => Interlocked.CompareExchange(ref _error, error, null);

    /// <summary>Waits until every thread is here; the last one sets the tiles back.</summary>
    internal void Meet()
    {
        if (Size == 1)
        {
            _tiles.Reset();
            return;
        }

        var generation = Volatile.Read(ref _generation);
        if (Interlocked.Increment(ref _arrived) == Size)
        {
            _arrived = 0;
            _tiles.Reset();
            Interlocked.Increment(ref _generation);
            if (Volatile.Read(ref _parked) > 0)
            {
                lock (_gate)
                    Monitor.PulseAll(_gate);
            }

            return;
        }

        for (var i = 0; i < Spins; i++)
        {
            if (Volatile.Read(ref _generation) != generation)
                return;
            Thread.SpinWait(8);
        }

        lock (_gate)
        {
            Interlocked.Increment(ref _parked);
            while (Volatile.Read(ref _generation) == generation)
                Monitor.Wait(_gate);
            Interlocked.Decrement(ref _parked);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stopping)
            return;
        _stopping = true;
        Meet();
        foreach (var thread in _threads)
            thread.Join();
    }

    private void Serve(int worker)
    {
        while (true)
        {
            Meet();
            if (_stopping)
                return;
            _executor!.Work(this, worker);
            Meet();
        }
    }
}

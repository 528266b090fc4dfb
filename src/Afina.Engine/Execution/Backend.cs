using Afina.Engine.Graphs;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;

namespace Afina.Engine.Execution;

/// <summary>A node made ready for one machine: knows addresses, nothing about graphs.</summary>
public abstract class Kernel
{
    /// <summary>Memory that it needs beside its values.</summary>
    public virtual Scratch Scratch => default;

    /// <summary>Parts that follow each other, with a barrier between them.</summary>
    public virtual int Phases(in Counts counts) => 1;

    /// <summary>Called once per run, before any tile, on one thread: lists what depends on the bound inputs.</summary>
    public virtual void Begin(in Counts counts)
    {
    }

    /// <summary>Independent pieces of a phase; cut by constants, never by the number of threads.</summary>
    public abstract int Tiles(int phase, in Counts counts);

    /// <summary>Computes one piece. Any thread may take any piece.</summary>
    public abstract void Run(int phase, int tile, int worker, in Counts counts);
}

/// <summary>Where programs run: makes a kernel for each node.</summary>
public abstract class Backend
{
    /// <summary>What a run records: kernels with another name may round differently.</summary>
    public abstract string Name { get; }

    /// <summary>The kernel of a node.</summary>
    public abstract Kernel Prepare(Node node, Memory memory);

    /// <summary>Operations per second that products reach at most, their operands in the innermost cache: the limit that a step is compared
    /// with. 0 where it is not known.</summary>
    /// <param name="measurements">Of so many the best counts; a single one says what the machine does now.</param>
    public virtual double PeakFlops(DType activations, int threads, int measurements = 5) => 0;

    /// <summary>Bytes per second that threads read from memory at most. 0 where it is not known.</summary>
    public virtual double PeakBandwidth(int threads) => 0;

    /// <summary>Batches of up to so many rows go another way and may round differently: only above does a row have the same bits whatever
    /// rows are beside it.</summary>
    public virtual int FewRows => 0;

    /// <summary>Plans a program for this backend.</summary>
    public Plan Plan(Graph graph, Counts capacity, int workers)
    {
        var nowhere = new Memory(capacity, workers);
        return Planning.Plan.Make(graph, capacity, workers, node => Prepare(node, nowhere).Scratch);
    }
}

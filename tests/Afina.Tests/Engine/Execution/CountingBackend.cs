using Afina.Engine.Cpu;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;

namespace Afina.Tests.Engine.Execution;

/// <summary>The CPU's kernels; counts, per node, the managed bytes that they allocate on whatever thread runs them.</summary>
internal sealed class CountingBackend : Backend
{
    private readonly CpuBackend _inner = new();
    private readonly List<CountingKernel> _kernels = [];

    public override string Name => _inner.Name;

    /// <summary>Programs' runs since the last <see cref="Clear"/>, counted at each node.</summary>
    public long Calls => _kernels.Sum(kernel => kernel.Calls);

    /// <summary>Nodes that allocated since the last <see cref="Clear"/>, and how much.</summary>
    public IEnumerable<string> Allocated => _kernels.Where(kernel => kernel.Bytes > 0).Select(kernel => $"{kernel.Node.Operation.Name} of {kernel.Node.Scope}: {kernel.Bytes} bytes");

    public void Clear() => _kernels.ForEach(kernel => kernel.Clear());

    public override Kernel Prepare(Node node, Memory memory)
    {
        var kernel = new CountingKernel(node, _inner.Prepare(node, memory));
        if (!memory.IsPlanning)
            _kernels.Add(kernel);
        return kernel;
    }

    private sealed class CountingKernel(Node node, Kernel inner) : Kernel
    {
        private long _bytes;
        private long _calls;

        public Node Node => node;

        public long Bytes => Volatile.Read(ref _bytes);

        public long Calls => Volatile.Read(ref _calls);

        public override Afina.Engine.Planning.Scratch Scratch => inner.Scratch;

        public void Clear() => (_bytes, _calls) = (0, 0);

        public override int Phases(in Counts counts)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var phases = inner.Phases(counts);
            return Count(before, phases);
        }

        public override void Begin(in Counts counts)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            inner.Begin(counts);
            Count(before, 0);
        }

        public override int Tiles(int phase, in Counts counts)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var tiles = inner.Tiles(phase, counts);
            return Count(before, tiles);
        }

        public override void Run(int phase, int tile, int worker, in Counts counts)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            inner.Run(phase, tile, worker, counts);
            Count(before, 0);
        }

        private int Count(long before, int result)
        {
            Interlocked.Increment(ref _calls);
            Interlocked.Add(ref _bytes, GC.GetAllocatedBytesForCurrentThread() - before);
            return result;
        }
    }
}

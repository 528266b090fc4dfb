using Afina.Engine.Cpu;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Tests.Engine.Ops;
using Xunit;

namespace Afina.Tests.Engine.Cpu.Kernels;

public sealed class AttentionKernelTests
{
    private static readonly AttentionOptions[] Options =
    [
        new(2, 1, 6, 0.4f),
        new(6, 2, 8, 0.35f, Window: 7),
        new(3, 3, 12, 0.3f, SoftCap: 2),
        new(4, 2, 16, 0.25f, Window: 20, SoftCap: 1.5f),
        new(3, 1, 32, 0.18f),
        new(9, 3, 64, 0.125f),
        new(2, 2, 80, 0.11f),
        new(2, 1, 128, 0.09f, Window: 33),
        new(1, 1, 5, 0.5f),
    ];

    public static TheoryData<DType, int> Batches
    {
        get
        {
            var data = new TheoryData<DType, int>();
            foreach (var type in new[] { DType.F32, DType.BF16 })
            {
                foreach (var rows in new[] { 0, 1, 3, 17, 70, 131 })
                    data.Add(type, rows);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public void Packed_rows_agree_with_the_reference(DType type, int rows)
    {
        foreach (var options in Some(rows))
            Compare(options, type, [new(0, rows / 3), new(rows / 3, 0), new(rows / 3, rows - rows / 3)], rows, subset: false, adds: false);
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public void Trees_of_segments_agree_with_the_reference(DType type, int rows)
    {
        foreach (var options in Some(rows))
        {
            var (a, b, c) = (rows / 4, rows / 2, rows - rows / 5);

            // A shared parent, its two children, a grandchild, and rows of no segment at the end.
            Segment[] segments = [new(0, a), new(a, b - a, 0, a), new(b, c - b, 0, a), new(c, Math.Max(0, rows - c - 2), 2, a + c - b)];
            Compare(options, type, segments, rows, subset: true, adds: true);
            Compare(options, type, segments, rows, subset: false, adds: false);
        }
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public void Cached_rows_agree_with_the_reference(DType type, int rows)
    {
        foreach (var options in Some(rows))
        {
            var a = rows / 4;

            // A long cache under a parent and its child, a short one shared with it, and single rows with caches of their own.
            var segments = new List<Segment> { new(0, a, -1, 45, 3, 45), new(a, rows / 2 - a, 0, 45 + a), new(rows / 2, rows / 8, -1, 9, 3, 9) };
            for (var row = rows / 2 + rows / 8; row < rows; row++)
                segments.Add(new(row, 1, -1, row % 11 * 9, row % 5, row % 11 * 9));
            using var harness = Cached(options, type, [.. segments], rows, 100);
            Check(harness);
        }
    }

    [Theory]
    [InlineData(DType.F32, 0)]
    [InlineData(DType.F32, 700)]
    [InlineData(DType.BF16, 0)]
    public void Long_caches_agree_with_the_reference(DType type, int window)
    {
        // One, two and four queries, and more than go the way of few; the cache is long enough to be cut.
        Segment[] segments = [new(0, 1, -1, 1400, 0, 1400), new(1, 2, -1, 1300, 100, 1300), new(3, 4, 1, 1302), new(7, 9, 0, 1401)];
        using var harness = Cached(new AttentionOptions(4, 2, 12, 0.3f, window), type, segments, 16, 1400);
        Check(harness);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.BF16)]
    public void A_row_has_the_same_bits_beside_other_segments(DType type)
    {
        foreach (var (length, cached) in new[] { (50, 0), (3, 0), (1, 1300), (70, 300) })
        {
            // Rows of a parent and its child, alone and behind other segments.
            var options = new AttentionOptions(6, 2, 20, 0.25f, Window: 90);
            Segment[] alone = [new(0, 37, -1, cached, 0, cached), new(37, length, 0, cached + 37)];
            Segment[] beside = [new(0, 11), new(11, 37, -1, cached, 0, cached), new(48, 29, 1, cached + 37), new(77, length, 1, cached + 37)];
            using var one = Cached(options, type, alone, 37 + length, cached);
            using var two = Cached(options, type, beside, 77 + length, cached);
            foreach (var name in new[] { "q", "k", "v", "keys", "values" })
            {
                var value = one.Named(name);
                var numbers = one.Read(value);
                if (value.Rows.Kind == DimensionKind.CachedRows)
                {
                    two.Write(two.Named(name), numbers);
                    continue;
                }

                var all = two.Read(two.Named(name));
                numbers.AsSpan(0, 37 * value.Columns).CopyTo(all.AsSpan(11 * value.Columns));
                numbers.AsSpan(37 * value.Columns).CopyTo(all.AsSpan(77 * value.Columns));
                two.Write(two.Named(name), all);
            }

            using var runOne = one.Prepare(new CpuBackend(), 2);
            using var runTwo = two.Prepare(new CpuBackend(), 2);
            var (expected, actual) = (runOne.Run(), runTwo.Run());
            foreach (var (left, right) in one.Graph.Results.Zip(two.Graph.Results))
            {
                var columns = left.Columns;
                Assert.Equal(expected[left].AsSpan(0, 37 * columns), actual[right].AsSpan(11 * columns, 37 * columns));
                Assert.Equal(expected[left].AsSpan(37 * columns), actual[right].AsSpan(77 * columns));
            }
        }
    }

    [Fact]
    public void Runs_allocate_nothing()
    {
        using var harness = new Harness(new Counts { Rows = 40, Segments = 2 }, DType.BF16);
        var o = harness.Add(new Attention(new AttentionOptions(4, 2, 16, 0.25f)), harness.Activation("q", Dimension.Rows, 64), harness.Activation("k", Dimension.Rows, 32),
            harness.Activation("v", Dimension.Rows, 32), Ints(harness, [new(0, 37), new(37, 3, 0, 37)]), null, null, null)[0];
        harness.Backward(o);
        var backend = new CpuBackend();
        var plan = backend.Plan(harness.Graph, harness.Capacity, 1);
        using var arena = new NativeBuffer(plan.ArenaBytes);
        using var team = new Team(1);
        var executor = new Executor(plan, backend, harness.Bindings, team, arena);
        executor.Run(harness.Counts);

        var before = GC.GetAllocatedBytesForCurrentThread();
        executor.Run(harness.Counts);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.BF16)]
    public void Many_possible_segments_cost_little_memory(DType type)
    {
        // A plan cannot know how short segments will be: its capacity may be one per row.
        Assert.InRange(Bytes(1000), 0, Bytes(1) * 5 / 4);

        long Bytes(int segments)
        {
            using var harness = new Harness(new Counts { Rows = 1000, Segments = segments }, type);
            var o = harness.Add(new Attention(new AttentionOptions(4, 2, 16, 0.25f)), harness.Activation("q", Dimension.Rows, 64), harness.Activation("k", Dimension.Rows, 32),
                harness.Activation("v", Dimension.Rows, 32), Ints(harness, [.. Enumerable.Repeat(new Segment(0, 0), segments)]), null, null, null)[0];
            harness.Backward(o);
            return new CpuBackend().Plan(harness.Graph, harness.Capacity, 1).ArenaBytes;
        }
    }

    /// <summary>All sizes where the oracle is fast, every third where it is slow.</summary>
    private static IEnumerable<AttentionOptions> Some(int rows) => Options.Where((_, i) => rows < 100 || i % 3 == 1);

    private static Harness Cached(AttentionOptions options, DType type, Segment[] segments, int rows, int cached)
    {
        var harness = new Harness(new Counts { Rows = rows, Segments = segments.Length, CachedRows = cached }, type);
        var columns = options.KeyValueHeads * options.HeadDim;
        harness.Add(new Attention(options), harness.Input("q", Dimension.Rows, options.Heads * options.HeadDim), harness.Input("k", Dimension.Rows, columns),
            harness.Input("v", Dimension.Rows, columns), Ints(harness, segments), null,
            harness.Input("keys", Dimension.CachedRows, columns), harness.Input("values", Dimension.CachedRows, columns));
        return harness;
    }

    private static void Compare(AttentionOptions options, DType type, Segment[] segments, int rows, bool subset, bool adds)
    {
        int[] chosen = [.. Enumerable.Range(0, rows).Where(row => row % 3 != 1 && row % 64 < 50)];
        using var harness = new Harness(new Counts { Rows = rows, LabelledRows = chosen.Length, Segments = segments.Length }, type, adds);
        var queries = subset ? Dimension.LabelledRows : Dimension.Rows;
        var o = harness.Add(new Attention(options),
            harness.Activation("q", queries, options.Heads * options.HeadDim), harness.Activation("k", Dimension.Rows, options.KeyValueHeads * options.HeadDim),
            harness.Activation("v", Dimension.Rows, options.KeyValueHeads * options.HeadDim), Ints(harness, segments),
            subset ? harness.Ints("rows", Dimension.LabelledRows, 1, chosen) : null, null, null)[0];
        Check(harness.Backward(o));
    }

    private static Value Ints(Harness harness, IEnumerable<Segment> segments) => harness.Ints("segments", Dimension.Segments, Segment.Fields,
        segments.SelectMany(s => new[] { s.Start, s.Length, s.Parent, s.FirstPosition, s.CacheStart, s.CacheLength }));

    private static void Check(Harness harness)
    {
        var backend = new CpuBackend();
        var (absolute, relative) = harness.Type == DType.BF16 ? (0.02, 0.02) : (1e-5, 1e-5);
        var expected = harness.Run();
        Outputs? first = null;
        for (var threads = 1; threads <= 3; threads++)
        {
            using var run = harness.Prepare(backend, threads);
            for (var repeat = 0; repeat < 4 - threads; repeat++)
            {
                var actual = run.Run();
                foreach (var value in actual.Values)
                {
                    if (first is null)
                        Agreement.AssertClose(value, expected[value], actual[value], absolute, relative);
                    else
                        Assert.True(first.Bytes(value).AsSpan().SequenceEqual(actual.Bytes(value)), $"{value} has other bits on {threads} threads, run {repeat}");
                }

                first ??= actual;
            }
        }

        Assert.DoesNotContain("Attention", backend.Missing);
        Assert.DoesNotContain("AttentionGradient", backend.Missing);
    }
}

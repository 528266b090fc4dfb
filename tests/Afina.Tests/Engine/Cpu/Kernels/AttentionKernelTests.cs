using Afina.Engine.Cpu;
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
                foreach (var rows in new[] { 0, 1, 3, 17, 33, 70, 131 })
                    data.Add(type, rows);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public void Packed_rows_agree_with_the_reference(DType type, int rows)
    {
        foreach (var options in Options)
            Compare(options, type, [new(0, rows / 3), new(rows / 3, 0), new(rows / 3, rows - rows / 3)], rows, subset: false, adds: false);
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public void Trees_of_segments_agree_with_the_reference(DType type, int rows)
    {
        foreach (var options in Options)
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
        foreach (var options in Options)
        {
            var a = rows / 4;

            // A long cache under a parent and its child, a short one shared with it, and single rows with caches of their own.
            var segments = new List<Segment> { new(0, a, -1, 45, 3, 45), new(a, rows / 2 - a, 0, 45 + a), new(rows / 2, rows / 8, -1, 9, 3, 9) };
            for (var row = rows / 2 + rows / 8; row < rows; row++)
                segments.Add(new(row, 1, -1, row % 11 * 9, row % 5, row % 11 * 9));
            using var harness = new Harness(new Counts { Rows = rows, Segments = segments.Count, CachedRows = 100 }, type);
            var columns = options.KeyValueHeads * options.HeadDim;
            harness.Add(new Attention(options), harness.Input("q", Dimension.Rows, options.Heads * options.HeadDim), harness.Input("k", Dimension.Rows, columns),
                harness.Input("v", Dimension.Rows, columns), Ints(harness, segments), null,
                harness.Input("keys", Dimension.CachedRows, columns), harness.Input("values", Dimension.CachedRows, columns));
            Check(harness);
        }
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

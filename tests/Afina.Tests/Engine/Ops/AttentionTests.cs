using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class AttentionTests
{
    private static readonly AttentionOptions Small = new(4, 2, 3, 0.7f);

    /// <summary>Packed rows with an empty segment; a tree with two children and a grandchild; both.</summary>
    private static readonly Segment[][] Forests =
    [
        [new(0, 3), new(3, 0), new(3, 1), new(4, 5)],
        [new(0, 4), new(4, 2, 0, 4), new(6, 3, 0, 4), new(9, 2, 2, 7)],
        [new(0, 1), new(1, 3), new(4, 2, 1, 3), new(6, 2, 2, 5), new(8, 2, 1, 3), new(10, 1, 3, 7)],
    ];

    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67, 131);

    public static TheoryData<int, int, float, bool, bool> Kinds
    {
        get
        {
            var data = new TheoryData<int, int, float, bool, bool>();
            for (var forest = 0; forest < Forests.Length; forest++)
            {
                data.Add(forest, 0, 0, false, false);
                data.Add(forest, 3, 0, false, true);
                data.Add(forest, 0, 1.5f, true, false);
                data.Add(forest, 4, 0.5f, true, true);
            }

            return data;
        }
    }

    [Fact]
    public void Mixes_values_by_the_softmax_of_scaled_scores()
    {
        using var harness = new Harness(new Counts { Rows = 2, Segments = 1 });
        var made = harness.Add(new Attention(new AttentionOptions(1, 1, 1, 0.5f)),
            harness.Input("q", Dimension.Rows, 1, DType.F64, [5, 2]), harness.Input("k", Dimension.Rows, 1, DType.F64, [1, 3]), harness.Input("v", Dimension.Rows, 1, DType.F64, [10, 20]),
            Segments(harness, [new(0, 2)]), null, null, null);
        var outputs = harness.Run();

        // The second row's scores are 1 and 3.
        var sum = Math.Exp(1) + Math.Exp(3);
        Agreement.AssertClose([10, (10 * Math.Exp(1) + 20 * Math.Exp(3)) / sum], outputs[made[0]], 1e-12);
        Agreement.AssertClose([2.5, Math.Log(sum)], outputs[made[1]], 1e-12);
    }

    [Fact]
    public void A_window_hides_keys_that_far_behind_and_a_cap_bends_scores()
    {
        using var harness = new Harness(new Counts { Rows = 3, Segments = 1 });
        var made = harness.Add(new Attention(new AttentionOptions(1, 1, 1, 1, Window: 2, SoftCap: 2)),
            harness.Input("q", Dimension.Rows, 1, DType.F64, [1, 1, 1]), harness.Input("k", Dimension.Rows, 1, DType.F64, [9, 1, 3]), harness.Input("v", Dimension.Rows, 1, DType.F64, [100, 1, 2]),
            Segments(harness, [new(0, 3)]), null, null, null);

        var (a, b) = (Math.Exp(2 * Math.Tanh(0.5)), Math.Exp(2 * Math.Tanh(1.5)));
        Agreement.AssertClose([(a + 2 * b) / (a + b)], harness.Run()[made[0]].AsSpan(2), 1e-12);
    }

    [Fact]
    public void Consecutive_query_heads_share_a_key_and_value_head()
    {
        using var harness = new Harness(new Counts { Rows = 1, Segments = 1 });
        var made = harness.Add(new Attention(new AttentionOptions(4, 2, 1, 1)), harness.Input("q", Dimension.Rows, 4), harness.Input("k", Dimension.Rows, 2),
            harness.Input("v", Dimension.Rows, 2, DType.F64, [1, 2]), Segments(harness, [new(0, 1)]), null, null, null);

        Agreement.AssertClose([1, 1, 2, 2], harness.Run()[made[0]], 1e-12);
    }

    [Fact]
    public void Rows_of_no_segment_see_nothing_and_get_no_gradient()
    {
        using var harness = Build(Small, DType.F64, [new(1, 2), new(4, 2)], false, false, 7);
        var outputs = harness.Run();
        var o = outputs[harness.Seeds[0].Output];

        Assert.All([.. o[..12], .. o[36..48], .. o[72..]], element => Assert.Equal(0, element));
        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void A_segment_sees_what_it_would_see_after_its_ancestors_rows(int window)
    {
        var options = Small with { Window = window };
        foreach (var forest in Forests)
        {
            var rows = forest.Max(segment => segment.Start + segment.Length);
            using var harness = new Harness(new Counts { Rows = rows, Segments = forest.Length });
            Value[] qkv = [harness.Input("q", Dimension.Rows, 12), harness.Input("k", Dimension.Rows, 6), harness.Input("v", Dimension.Rows, 6)];
            var made = harness.Add(new Attention(options), [.. qkv, Segments(harness, forest), null, null, null]);
            var together = harness.Run()[made[0]];

            foreach (var segment in forest)
            {
                var path = new List<int>();
                for (var at = segment; ; at = forest[at.Parent])
                {
                    path.InsertRange(0, Enumerable.Range(at.Start, at.Length));
                    if (at.Parent < 0)
                        break;
                }

                using var alone = new Harness(new Counts { Rows = path.Count, Segments = 1 });
                var chosen = qkv.Select(value => (Value?)alone.Input(value.Name, Dimension.Rows, value.Columns, DType.F64, Rows(harness.Read(value), path, value.Columns)));
                var o = alone.Add(new Attention(options), [.. chosen, Segments(alone, [new(0, path.Count)]), null, null, null])[0];

                Agreement.AssertClose(alone.Run()[o].AsSpan((path.Count - segment.Length) * 12), Rows(together, Enumerable.Range(segment.Start, segment.Length), 12), 1e-12);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Cached_rows_are_seen_like_rows_before_the_segment(int window)
    {
        var options = Small with { Window = window };
        using var whole = new Harness(new Counts { Rows = 7, Segments = 1 });
        Value[] qkv = [whole.Input("q", Dimension.Rows, 12), whole.Input("k", Dimension.Rows, 6), whole.Input("v", Dimension.Rows, 6)];
        var expected = whole.Add(new Attention(options), [.. qkv, Segments(whole, [new(0, 7)]), null, null, null])[0];

        // Four rows lie in the cache from row 2 on; the rest is a parent of one row and its child.
        using var cached = new Harness(new Counts { Rows = 3, Segments = 2, CachedRows = 7 });
        var (k, v) = (Cache(1), Cache(2));
        var last = qkv.Select(value => (Value?)cached.Input(value.Name, Dimension.Rows, value.Columns, DType.F64, whole.Read(value).AsSpan(4 * value.Columns)));
        var o = cached.Add(new Attention(options), [.. last, Segments(cached, [new(0, 1, -1, 4, 2, 4), new(1, 2, 0, 5)]), null, k, v])[0];

        Agreement.AssertClose(whole.Run()[expected].AsSpan(4 * 12), cached.Run()[o], 1e-12);

        Value Cache(int index)
        {
            var cache = cached.Input($"cache {index}", Dimension.CachedRows, 6);
            var contents = cached.Read(cache);
            whole.Read(qkv[index]).AsSpan(0, 4 * 6).CopyTo(contents.AsSpan(2 * 6));
            cached.Write(cache, contents);
            return cache;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_are_those_of_finite_differences(int forest, int window, float cap, bool subset, bool adds)
    {
        using var harness = Build(Small with { Window = window, SoftCap = cap }, DType.F64, Forests[forest], subset, adds);

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var options in new[] { new AttentionOptions(1, 1, 1, 1), new(6, 2, 17, 0.25f, Window: 20), new(4, 4, 32, 0.17f, SoftCap: 3), new(3, 1, 64, 0.125f) })
        {
            Segment[] packed = [new(0, rows / 3), new(rows / 3, 0), new(rows / 3, rows - rows / 3)];
            var (a, b) = (rows / 4, rows / 2);
            Segment[] tree = [new(0, a), new(a, b - a, 0, a), new(b, rows - b - rows / 5, 0, a), new(rows - rows / 5, rows / 5, 2, a + rows - b - rows / 5)];
            Segment[] gaps = [new(1, rows / 3), new(1 + rows / 2, rows / 3)];
            using var one = Build(options, type, packed, false, false);
            using var three = Build(options, type, gaps, rows % 2 == 0, false, rows + 2);
            using var two = Build(options, type, tree, true, true);

            Agreement.WithReference(backend, one);
            Agreement.WithReference(backend, two);
            Agreement.WithReference(backend, three);
        }
    }

    public static TheoryData<string, DType, string> Trained
    {
        get
        {
            var data = new TheoryData<string, DType, string>();
            foreach (var trained in new[] { "q", "k", "v", "qk", "qv", "kv" })
            {
                data.Add("reference", DType.F32, trained);
                data.Add("cpu", DType.F32, trained);
                data.Add("cpu", DType.BF16, trained);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Trained))]
    public void Only_inputs_with_a_parameter_behind_them_get_a_gradient(string backend, DType type, string trained)
    {
        using (var small = Build(Small with { Window = 3, SoftCap = 1.5f }, DType.F64, Forests[1], true, false, trained: trained))
        {
            Assert.Equal(trained.Length, small.Graph.Nodes.Single(node => node.Operation is AttentionGradient).Outputs.Length);
            Agreement.WithFiniteDifferences(small);
        }

        Segment[] tree = [new(1, 20), new(21, 30, 0, 20), new(51, 40, 0, 20), new(95, 3)];
        using var packed = Build(new AttentionOptions(6, 2, 16, 0.25f), type, tree, false, false, 100, trained);
        using var chosen = Build(new AttentionOptions(6, 2, 17, 0.25f, Window: 20), type, tree, true, true, 100, trained);
        Agreement.WithReference(backend, packed);
        Agreement.WithReference(backend, chosen);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference_over_cached_rows(string backend, DType type, int rows)
    {
        foreach (var window in new[] { 0, 9 })
        {
            using var harness = new Harness(new Counts { Rows = rows, LabelledRows = rows, Segments = rows, CachedRows = rows * 13 }, type);

            // One new row per sequence, each with its own length of cache: a step of generation.
            var segments = Segments(harness, [.. Enumerable.Range(0, rows).Select(i => new Segment(i, 1, -1, i % 13, i * 13, i % 13))]);
            harness.Add(new Attention(new AttentionOptions(6, 2, 17, 0.3f, window)), harness.Input("q", Dimension.Rows, 102), harness.Input("k", Dimension.Rows, 34),
                harness.Input("v", Dimension.Rows, 34), segments, null, harness.Input("keys", Dimension.CachedRows, 34), harness.Input("values", Dimension.CachedRows, 34));
            Agreement.WithReference(backend, harness);
        }
    }

    private static Harness Build(AttentionOptions options, DType type, Segment[] segments, bool subset, bool adds, int rows = -1, string trained = "qkv")
    {
        if (rows < 0)
            rows = segments.Max(segment => segment.Start + segment.Length);
        int[] chosen = [.. Enumerable.Range(0, rows).Where(row => row % 3 != 1)];
        var harness = new Harness(new Counts { Rows = rows, LabelledRows = chosen.Length, Segments = segments.Length }, type, adds);
        var queries = subset ? Dimension.LabelledRows : Dimension.Rows;
        var o = harness.Add(new Attention(options),
            Input("q", queries, options.Heads), Input("k", Dimension.Rows, options.KeyValueHeads), Input("v", Dimension.Rows, options.KeyValueHeads), Segments(harness, segments),
            subset ? harness.Ints("rows", Dimension.LabelledRows, 1, chosen) : null, null, null)[0];
        return harness.Backward(o);

        Value Input(string name, Dimension rows, int heads) => trained.Contains(name, StringComparison.Ordinal)
            ? harness.Activation(name, rows, heads * options.HeadDim) : harness.Input(name, rows, heads * options.HeadDim);
    }

    private static Value Segments(Harness harness, Segment[] segments) => harness.Ints("segments", Dimension.Segments, Segment.Fields,
        segments.SelectMany(s => new[] { s.Start, s.Length, s.Parent, s.FirstPosition, s.CacheStart, s.CacheLength }));

    private static double[] Rows(double[] from, IEnumerable<int> rows, int columns) => [.. rows.SelectMany(row => from[(row * columns)..((row + 1) * columns)])];
}

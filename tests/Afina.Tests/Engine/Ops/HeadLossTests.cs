using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class HeadLossTests
{
    private static readonly LossOptions[] Losses =
    [
        new(),
        new(0.5f),
        new(2, SoftCap: 1.5f),
        new(LabelSmoothing: 0.1f),
        new(Dynamic: true),
        new(1.5f, 2, 0.2f),
    ];

    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    public static TheoryData<int> Kinds => [.. Enumerable.Range(0, Losses.Length)];

    [Fact]
    public void Gives_log_probabilities_and_what_describes_each_row_s_distribution()
    {
        using var harness = new Harness(new Counts { LabelledRows = 1, Targets = 2 });
        var made = harness.Add(new HeadLoss(new LossOptions(), false), harness.Input("x", Dimension.LabelledRows, 1, DType.F64, [1]),
            harness.Frozen("w", 3, 1, 0, MathF.Log(2), 0), harness.Ints("tokens", Dimension.Targets, 1, 1, 2), harness.Ints("rows", Dimension.Targets, 1, 0, 0),
            harness.Input("weights", Dimension.Targets, 1));
        var outputs = harness.Run();

        // Probabilities ¼, ½, ¼.
        Agreement.AssertClose([Math.Log(0.5), Math.Log(0.25)], outputs[made[0]], 1e-7);
        Agreement.AssertClose([Math.Log(4)], outputs[made[1]], 1e-7);
        Assert.Equal([1], outputs[made[2]]);
        Agreement.AssertClose([Math.Log(2) / 3], outputs[made[3]], 1e-7);
        Agreement.AssertClose([1.5 * Math.Log(2)], outputs[made[4]], 1e-7);
    }

    [Fact]
    public void The_first_of_equal_logits_is_the_most_likely_token()
    {
        using var harness = new Harness(new Counts { LabelledRows = 1 });
        var made = harness.Add(new HeadLoss(new LossOptions(), false), harness.Input("x", Dimension.LabelledRows, 1, DType.F64, [1]),
            harness.Frozen("w", 4, 1, 0, 2, 2, 1), harness.Ints("tokens", Dimension.Targets, 1), harness.Ints("rows", Dimension.Targets, 1), harness.Input("weights", Dimension.Targets, 1));

        Assert.Equal([1], harness.Run()[made[2]]);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_are_those_of_finite_differences(int kind)
    {
        var options = Losses[kind];
        using var harness = Build(options, DType.F64, 4, 3, 7, out var made);
        var (tokens, rows, weights) = (harness.Named("tokens"), harness.Named("rows"), harness.Read(harness.Named("weights")));
        if (options.Dynamic)
            weights = [.. weights.Zip(harness.Run()[made[0]], (weight, logp) => weight * Math.Exp(logp))];

        Agreement.WithFiniteDifferences(harness, outputs =>
        {
            var loss = 0.0;
            for (var t = 0; t < weights.Length; t++)
            {
                var row = (int)harness.Read(rows)[t];
                var smooth = outputs[made[1]][row] - outputs[made[3]][row];
                loss += weights[t] * ((1 - options.LabelSmoothing) * -outputs[made[0]][t] + options.LabelSmoothing * smooth);
            }

            return loss;
        });
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var options in Losses)
        {
            foreach (var (dim, vocabulary) in new[] { (1, 2), (33, 97), (64, 700) })
            {
                if (vocabulary == 700 && options != Losses[^1])
                    continue;
                using var harness = Build(options, type, rows, dim, vocabulary, out _);
                WithReference(backend, harness, dim);
            }
        }

        foreach (var format in new BlockFormat[] { BlockFormats.BF16, BlockFormats.Q8_0, BlockFormats.Q4_K })
        {
            using var harness = Build(new LossOptions(0.3f), type, rows, 256, 300, out _, format);
            WithReference(backend, harness, 256);
        }
    }

    private static void WithReference(string backend, Harness harness, int dim)
    {
        var absolute = (harness.Type == DType.BF16 ? 0.01 : 4e-6) * Math.Sqrt(dim);
        var logits = harness.Graph.Nodes.First(node => node.Operation is HeadLogits).Outputs[0];
        Agreement.WithReference(backend, harness, absolute, harness.Type == DType.BF16 ? 0.02 : 2e-5, (value, expected, actual) =>
        {
            if (value.Type != DType.I32)
                return false;

            // Where two logits are nearly equal, either may be the largest.
            for (var row = 0; row < actual[value].Length; row++)
            {
                var all = expected[logits].AsSpan(row * logits.Columns, logits.Columns).ToArray();
                Assert.InRange(all[(int)actual[value][row]], all.Max() - 2 * absolute, all.Max());
            }

            return true;
        });
    }

    private static Harness Build(LossOptions options, DType type, int rows, int dim, int vocabulary, out Value[] made, BlockFormat? format = null)
    {
        // Three targets in the first row, none in the second, one in each of the others.
        int[] places = [.. Enumerable.Range(0, rows).SelectMany(row => Enumerable.Repeat(row, row switch { 0 => 3, 1 => 0, _ => 1 }))];
        var harness = new Harness(new Counts { LabelledRows = rows, Targets = places.Length }, type);
        var (x, w) = (harness.Activation("x", Dimension.LabelledRows, dim, scale: 3 / Math.Sqrt(dim)), harness.Frozen("w", vocabulary, dim, format));
        harness.Add(new HeadLogits(options), x, w);
        made = harness.Add(new HeadLoss(options, true), x, w,
            harness.Ints("tokens", Dimension.Targets, 1, places.Select((place, t) => (place * 5 + t) % vocabulary)), harness.Ints("rows", Dimension.Targets, 1, places),
            harness.Input("weights", Dimension.Targets, 1, harness.ParameterType));
        Gradients.Append(harness.Graph, made[0]);
        return harness;
    }
}

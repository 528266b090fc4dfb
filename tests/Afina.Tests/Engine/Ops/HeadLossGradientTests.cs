using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class HeadLossGradientTests
{
    private static readonly LossOptions[] Losses = [new(), new(2, SoftCap: 1.5f), new(LabelSmoothing: 0.1f), new(1.5f, 2, 0.2f, true)];

    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    public static TheoryData<int> Kinds => [.. Enumerable.Range(0, Losses.Length)];

    [Fact]
    public void Two_targets_of_a_row_with_opposite_weights_cancel_but_for_their_own_tokens()
    {
        // As the last row of a prompt has it: the first token of a chosen answer and that of a rejected one.
        using var harness = new Harness(new Counts { LabelledRows = 1, Targets = 2 });
        var x = harness.Activation("x", Dimension.LabelledRows, 1);
        var made = harness.Add(new HeadLoss(new LossOptions(), false), x, harness.Frozen("w", 3, 1, 1, 10, 100),
            harness.Ints("tokens", Dimension.Targets, 1, 0, 2), harness.Ints("rows", Dimension.Targets, 1, 0, 0), harness.Input("weights", Dimension.Targets, 1, DType.F64, [2, -2]));
        var start = harness.Read(harness.Parameters[0].Gradient);
        Gradients.Append(harness.Graph, made[0]);

        Agreement.AssertClose([start[0] - 2 * 1 + 2 * 100], harness.Run()[harness.Parameters[0].Gradient], 1e-7);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_are_those_of_the_head_that_computes_them_at_once(int kind)
    {
        var (once, twice) = (Run(true), Run(false));

        Agreement.AssertClose(once, twice, 1e-12);

        double[] Run(bool atOnce)
        {
            using var harness = Build(Losses[kind], DType.F64, 5, 3, 7, atOnce, out _);
            return harness.Run()[harness.Parameters[0].Gradient];
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_are_those_of_finite_differences(int kind)
    {
        var options = Losses[kind];
        using var harness = Build(options, DType.F64, 4, 3, 7, false, out var made);
        var (rows, weights) = (harness.Named("rows"), harness.Read(harness.Named("weights")));
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
                if (vocabulary < 700 || options == Losses[^1])
                    WithReference(options, dim, vocabulary, null);
            }
        }

        foreach (var format in new BlockFormat[] { BlockFormats.BF16, BlockFormats.Q4_K })
            WithReference(new LossOptions(0.3f), 256, 300, format);

        void WithReference(LossOptions options, int dim, int vocabulary, BlockFormat? format)
        {
            // An output of the head may differ by rounding (HeadLossTests); here the gradient counts.
            using var harness = Build(options, type, rows, dim, vocabulary, false, out _, format);
            Agreement.WithReference(backend, harness, (type == DType.BF16 ? 0.01 : 4e-6) * Math.Sqrt(dim), type == DType.BF16 ? 0.02 : 2e-5, (value, _, _) => value.Type == DType.I32);
        }
    }

    private static Harness Build(LossOptions options, DType type, int rows, int dim, int vocabulary, bool atOnce, out Value[] made, BlockFormat? format = null)
    {
        // Forty targets in the first row, none in the second, one in each of the others.
        int[] places = [.. Enumerable.Range(0, rows).SelectMany(row => Enumerable.Repeat(row, row switch { 0 => 40, 1 => 0, _ => 1 }))];
        var harness = new Harness(new Counts { LabelledRows = rows, Targets = places.Length }, type);
        made = harness.Add(new HeadLoss(options, atOnce), harness.Activation("x", Dimension.LabelledRows, dim, scale: 3 / Math.Sqrt(dim)), harness.Frozen("w", vocabulary, dim, format),
            harness.Ints("tokens", Dimension.Targets, 1, places.Select((place, t) => (place * 5 + t) % vocabulary)), harness.Ints("rows", Dimension.Targets, 1, places),
            harness.Input("weights", Dimension.Targets, 1, harness.ParameterType));
        Gradients.Append(harness.Graph, made[0]);
        return harness;
    }
}

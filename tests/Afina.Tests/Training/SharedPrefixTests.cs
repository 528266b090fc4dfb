using Afina.Adapters;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Tests.Models;
using Afina.Training;
using Xunit;

namespace Afina.Tests.Training;

public sealed class SharedPrefixTests
{
    private const int Rows = 256;

    [Fact]
    public void A_prefix_that_is_computed_once_gives_the_same_gradients_but_for_rounding()
    {
        var sequences = Sequences();
        var (apart, rowsApart) = Gradients(sequences, 0);
        var (shared, rowsShared) = Gradients(sequences, 16);

        Assert.Equal(sequences.Sum(sequence => sequence.Tokens.Length), rowsApart);
        Assert.True(rowsShared < rowsApart / 2, $"{rowsShared} of {rowsApart} rows are left");
        var largest = apart.Max(Math.Abs);
        Assert.True(largest > 0);
        Assert.All(apart.Zip(shared), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= 1e-5 * largest, $"{pair.First} and {pair.Second}, where {largest} is the largest"));
    }

    /// <summary>A prefix of 30 tokens, with targets in it too, and tails of one to nine.</summary>
    private static Sequence[] Sequences()
    {
        var random = new Random(5);
        int[] prefix = [.. Enumerable.Range(0, 30).Select(_ => random.Next(64))];
        return
        [
            .. Enumerable.Range(0, 7).Select(i =>
            {
                int[] tokens = [.. prefix, .. Enumerable.Range(0, 1 + i + i % 3).Select(_ => random.Next(64))];
                return new Sequence(tokens, [.. Enumerable.Range(25, tokens.Length - 25).Select(position => new SequenceTarget(position, random.Next(64), 0.1f))]);
            }),
        ];
    }

    private static (float[] Gradients, int Rows) Gradients(Sequence[] sequences, int leastShared)
    {
        var model = TwoLayerModel.Create();
        var (adapter, _) = Lora.Create(model, new LoraConfig { R = 4, LoraAlpha = 8, TargetModules = ModuleNames.Expression("all-linear") }, 1);
        var random = new Random(9);
        foreach (var parameter in adapter.Parameters)
        {
            foreach (ref var value in adapter.Values(parameter))
                value = (random.NextSingle() - 0.5f) / 4;
        }

        var backend = Backends.Default();
        using var team = new Team(1);
        var capacity = new Counts { Rows = Rows, LabelledRows = Rows, Targets = Rows, Segments = 32 };
        var plans = new TrainingPlans(model, adapter, new ProgramOptions(capacity, DType.F32, Checkpoint.Cheap, new LossOptions(), new OptimizerOptions()), backend, 1);
        using var programs = new TrainingPrograms(plans, backend, team);
        var batch = Assert.Single(new StepPacker(new PackingLimits(Rows, leastShared)).Pack(sequences));
        programs.Accumulate(batch, 1, 0, 0);
        return ([.. adapter.Parameters.SelectMany(parameter => adapter.Gradients(parameter).ToArray())], batch.Tokens.Length);
    }
}

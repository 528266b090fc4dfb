using Afina.Adapters;
using Afina.Data;
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
using Afina.Training.Objectives;
using Xunit;

namespace Afina.Tests.Training;

public sealed class FrozenLayersTests
{
    private const int Layers = 4, Cut = 2, Rows = 64;

    public static TheoryData<DType, int, float, double> Runs => new()
    {
        { DType.F32, 4, 0, 1 },
        { DType.BF16, 4, 0, 1 },
        { DType.BF16, 6, 0.2f, 1 },
        { DType.BF16, 2, 0, 1 },
        { DType.BF16, 4, 0, 0.3 },
    };

    [Theory]
    [MemberData(nameof(Runs))]
    public void Keeping_rows_changes_no_bit_of_the_adapter_or_of_a_measurement(DType type, int microBatch, float dropout, double room)
    {
        var examples = Examples(16, sharedPrefix: true);
        var without = Train(examples, type, microBatch, dropout, 0);
        var with = Train(examples, type, microBatch, dropout, (long)(room * FrozenLayers.DistinctRows(examples.SelectMany(example => example.Sequences)) * 32 * type.Bytes()));

        Assert.Equal(without.Measured, with.Measured);
        Assert.Equal(without.Values, with.Values);
        Assert.NotEqual(0, with.Computed);
        Assert.True(with.Computed < with.Seen * 9 / 10, $"{with.Computed} of {with.Seen} rows were computed");
    }

    [Fact]
    public void Each_row_is_computed_once()
    {
        var examples = Examples(12, sharedPrefix: false);
        var trained = Train(examples, DType.BF16, 4, 0, 1 << 20);

        Assert.Equal(examples.Concat(Held).Sum(example => example.Tokens), trained.Computed);
    }

    [Theory]
    [InlineData(".*layers.2.*q_proj", 2)]
    [InlineData(".*layers.(1|3).*down_proj", 1)]
    [InlineData(".*_proj", 0)]
    public void The_cut_is_below_the_lowest_adapter(string targets, int expected)
    {
        var model = TwoLayerModel.Create(layers: Layers);
        var (adapter, _) = Lora.Create(model, new LoraConfig { R = 4, LoraAlpha = 8, TargetModules = ModuleNames.Expression(targets) }, 1);

        Assert.Equal(expected, FrozenLayers.Below(new TrainingPlans(model, adapter, Options(DType.F32, 0), Backends.Default(), 1).StepProgram.Graph));
    }

    [Theory]
    [InlineData(1000, 1L << 40, Cut)]
    [InlineData(0, 1L << 40, 0)]
    [InlineData(1L << 30, 1L << 30, 0)]
    public void The_planner_keeps_rows_where_they_fit(long rows, long limit, int expected)
    {
        var model = TwoLayerModel.Create(layers: Layers);
        var (adapter, _) = Lora.Create(model, Config, 1);
        var options = new PlannerOptions(DType.BF16, new LossOptions(), new OptimizerOptions()) { Memory = limit };
        var (plans, memory) = TrainingPlanner.Choose(model, adapter, options, new TrainingLoad(20, 40, 0) { RowsToKeep = rows }, Backends.Default(), 1);

        Assert.Equal(expected, plans.Options.Cut);
        Assert.Equal(expected > 0 ? rows * 32 * 2 : 0, memory.KeptRows);
    }

    [Fact]
    public void Rows_of_equal_beginnings_are_planned_once()
    {
        Sequence Of(params int[] tokens) => new(tokens, []);

        Assert.Equal(6, FrozenLayers.DistinctRows([Of(1, 2, 3), Of(1, 2, 4, 5), Of(1, 2), Of(7)]));
    }

    private sealed record Trained(float[] Values, double[] Measured, long Computed, long Seen);

    private static LoraConfig Config { get; } = new() { R = 4, LoraAlpha = 8, TargetModules = ModuleNames.Expression(".*layers.[23].*_proj") };

    private static TrainingExample[] Held { get; } = [.. Enumerable.Range(0, 3).Select(i => Example(new Random(100 + i), 9 + i, []))];

    private static Trained Train(TrainingExample[] examples, DType type, int microBatch, float dropout, long keptBytes)
    {
        var model = TwoLayerModel.Create(layers: Layers);
        var (adapter, _) = Lora.Create(model, Config, 1);
        adapter.Dropout = dropout;
        var backend = Backends.Default();
        using var team = new Team(1);
        var plans = new TrainingPlans(model, adapter, Options(type, keptBytes), backend, 1);
        using var programs = new TrainingPrograms(plans, backend, team);
        var measured = new List<double>();
        var options = new TrainerOptions { Epochs = 3, MicroBatchSize = microBatch, EvalSteps = 5, LearningRate = 0.01, LoadBestModelAtEnd = false };
        var finished = new Trainer(programs, plans, options, [(examples, 1)], Held).Run(happened =>
        {
            if (happened is HeldOutMeasured held)
                measured.Add(held.Loss);
        });
        return new Trained([.. adapter.Parameters.SelectMany(parameter => adapter.Values(parameter).ToArray())], [.. measured], programs.FrozenRowsComputed,
            finished.Tokens + measured.Count * Held.Sum(example => example.Tokens));
    }

    private static ProgramOptions Options(DType type, long keptBytes) =>
        new(new Counts { Rows = Rows, LabelledRows = Rows, Targets = Rows, Segments = Rows }, type, Checkpoint.Cheap, new LossOptions(), new OptimizerOptions { Name = "adamw_torch" })
        {
            Cut = keptBytes > 0 ? Cut : 0,
            KeptBytes = keptBytes,
        };

    /// <summary>Some have two rows, and products take few rows another way; the others begin with one of two prefixes, of which how much is
    /// shared depends on the step, and pairs of them end alike.</summary>
    private static TrainingExample[] Examples(int count, bool sharedPrefix)
    {
        int[] prefix = [.. Enumerable.Range(0, 21).Select(i => i * i % 61)];
        return [.. Enumerable.Range(0, count).Select(i => i % 3 == 0
            ? Example(new Random(i), 3, [])
            : sharedPrefix ? Example(new Random(i / 3), 6 + i / 3, prefix[(i % 3 - 1)..(i / 3 % 2 == 0 ? 20 : 17)]) : Example(new Random(i), 6 + i, []))];
    }

    private static TrainingExample Example(Random random, int length, int[] prefix)
    {
        int[] tokens = [.. prefix, .. Enumerable.Range(0, length).Select(_ => random.Next(64))];
        return TrainingExample.Of(new TokenizedExample(tokens, [.. tokens.Select((token, i) => i < prefix.Length + 2 ? TokenizedExample.NotTrained : token)], "rows", 1));
    }
}

using Afina.Adapters;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Tests.Models;
using Afina.Training;
using Afina.Training.Objectives;
using Afina.Training.Objectives.Losses;
using Xunit;

namespace Afina.Tests.Training.Objectives;

public sealed class DpoTests
{
    private static readonly Dpo Objective = new(new DpoOptions { Beta = 0.3 });

    private static readonly TrainingExample[] Pairs =
    [
        Pair([5, 6, 7, 8, 9], [10, 11, 2], [12, 2]),
        Pair([5, 6, 7, 8, 9], [13, 2], [10, 14, 15, 2]),
        Pair([20, 21], [22, 23, 24, 2], [22, 25, 2]),
    ];

    [Fact]
    public void A_shared_prompt_changes_nothing_but_the_rows()
    {
        using var shared = new Rig(fresh: false);
        using var apart = new Rig(fresh: false);
        var (one, two) = (shared.Accumulate(sharedPrefix: 1), apart.Accumulate(sharedPrefix: 0));

        foreach (var (name, value) in one.Metrics)
            Assert.Equal(two[name], value, 1e-5);
        foreach (var (first, second) in shared.Adapter.Parameters.Zip(apart.Adapter.Parameters))
        {
            var (a, b) = (shared.Adapter.Gradients(first).ToArray(), apart.Adapter.Gradients(second).ToArray());
            var largest = a.Max(Math.Abs);
            Assert.True(largest > 1e-4, first.Name);
            for (var i = 0; i < a.Length; i++)
                Assert.Equal(b[i], a[i], 1e-5 * largest);
        }

        var batch = Assert.Single(Rig.Pack(1, 64, Pairs));
        Assert.Equal(17, batch.Tokens.Length);
        // The last row of a prompt predicts the first token of each of its answers.
        Assert.Equal([10, 10, 12, 13], batch.Targets.Where(target => target.Row == 4).Select(target => target.Token).Order());
    }

    [Fact]
    public void How_a_step_is_cut_changes_nothing_and_parts_no_pair()
    {
        using var whole = new Rig(fresh: false);
        using var cut = new Rig(fresh: false);
        var (one, two) = (whole.Accumulate(64), cut.Accumulate(rows: 12));

        var batches = Rig.Pack(1, 12, Pairs);
        Assert.True(batches.Count > 1);
        Assert.All(batches, batch => Assert.All(batch.Sequences, sequence => Assert.Contains(sequence ^ 1, batch.Sequences)));
        foreach (var (name, value) in one.Metrics)
            Assert.Equal(two[name], value, 1e-5);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_first_loss_is_ln_2_whether_the_reference_is_the_base_or_the_adapter_that_training_goes_on_from(bool fresh)
    {
        using var rig = new Rig(fresh, copies: !fresh);
        var window = rig.Accumulate();

        Assert.Equal(Math.Log(2), window["loss"], 1e-12);
        Assert.Equal(0, window["rewards/margins"]);
    }

    [Fact]
    public void The_reference_is_asked_once_for_each_pair()
    {
        using var rig = new Rig(fresh: true);
        var scores = new ReferenceScores(Pairs);
        var window = new Window([Pairs[2], Pairs[0]], 2);
        var batch = Assert.Single(Rig.Pack(1, 64, [.. window.Examples]));
        var asked = 0;
        float[] Ask(MicroBatch of)
        {
            asked++;
            return rig.Programs.ScoreReference(of);
        }

        var first = scores.Of(window, [2, 0], batch, Ask);
        Assert.Equal(first, scores.Of(window, [2, 0], batch, Ask));
        Assert.Equal(1, asked);

        var all = new Window(Pairs, 3);
        var again = scores.Of(all, [0, 1, 2], Assert.Single(Rig.Pack(1, 64, Pairs)), Ask);
        Assert.Equal(2, asked);
        Assert.DoesNotContain(again, float.IsNaN);

        // What was kept comes from another batch: where a row lies in its batch may decide the last digit of its sums.
        var whole = rig.Programs.ScoreReference(Assert.Single(Rig.Pack(1, 64, Pairs)));
        Assert.Equal(whole.Length, again.Length);
        Assert.All(whole.Zip(again), both => Assert.Equal(both.First, both.Second, 1e-5));
    }

    [Fact]
    public void A_mean_of_the_micro_batches_means_gives_each_example_an_equal_part_of_its_own()
    {
        var window = new Window(Pairs, 2);

        Assert.Equal([0.25, 0.25, 0.5], Enumerable.Range(0, 3).Select(example => window.Share(example)));
        Assert.Equal([0.5 / 5, 0.5 / 5, 0.5 / 4], Enumerable.Range(0, 3).Select(example => window.Share(example, pair => pair.Sequences[0].Targets.Count)));
    }

    [Theory]
    [InlineData("aot", 0.1, "compares pairs with each other")]
    [InlineData("sigmoyd", 0.1, "did you mean sigmoid")]
    [InlineData("sigmoid", 0, "beta must be above 0")]
    public void Options_without_meaning_are_refused(string loss, double beta, string words) =>
        Assert.Contains(words, Assert.Throws<FormatException>(() => new Dpo(new DpoOptions { LossType = [loss], Beta = beta })).Message);

    private static TrainingExample Pair(int[] prompt, int[] chosen, int[] rejected) => Dpo.Lay(new PreferenceExample(prompt, chosen, rejected, "test", 1));

    private sealed class Rig : IDisposable
    {
        private readonly Team _team = new(1);

        public Rig(bool fresh, bool copies = false)
        {
            var model = TwoLayerModel.Create();
            (Adapter, _) = Lora.Create(model, new LoraConfig { R = 4, LoraAlpha = 8, TargetModules = ModuleNames.Expression("all-linear"), InitLoraWeights = fresh ? "true" : "false" }, 3);
            var capacity = new Counts { Rows = 64, LabelledRows = 64, Targets = 128, Segments = 16 };
            var options = new ProgramOptions(capacity, DType.F32, Checkpoint.Cheap, new LossOptions(), new OptimizerOptions()) { Objective = Objective, Reference = copies ? Adapter.Copy() : null };
            var backend = Afina.Engine.Backends.Default();
            Programs = new TrainingPrograms(new TrainingPlans(model, Adapter, options, backend, 1), backend, _team);
        }

        public Adapter Adapter { get; }

        public TrainingPrograms Programs { get; }

        public static IReadOnlyList<MicroBatch> Pack(int sharedPrefix, int rows, TrainingExample[] examples)
        {
            var window = new Window(examples, examples.Length);
            return new StepPacker(new PackingLimits(rows, sharedPrefix)).Pack(window.Sequences, window.ExampleOf);
        }

        public Window Accumulate(int rows = 64, int sharedPrefix = 1)
        {
            var window = new Window(Pairs, 2);
            new WindowRunner(Programs, Objective).Accumulate(window, new StepPacker(new PackingLimits(rows, sharedPrefix)), [0, 1, 2], new ReferenceScores(Pairs), 1, 0);
            return window;
        }

        public void Dispose()
        {
            Programs.Dispose();
            _team.Dispose();
        }
    }
}

using Afina.Adapters;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Tests.Formats;
using Afina.Tests.Models;
using Afina.Training;
using Xunit;

namespace Afina.Tests.Training;

public sealed class CheckpointsTests
{
    private static readonly LoraConfig Config = new() { R = 128, LoraAlpha = 8, TargetModules = ModuleNames.List(["q_proj", "down_proj"]) };
    private static readonly MicroBatch Batch = new([.. Enumerable.Range(1, 12)], [new Segment(0, 12)], [.. Enumerable.Range(0, 11).Select(row => new Target(row, row + 2, 0.1f))], [], []);

    [Theory]
    [InlineData("adamw_torch")]
    [InlineData("adamw_bnb_8bit")]
    [InlineData("lion_8bit")]
    [InlineData("adafactor")]
    [InlineData("sgd")]
    public void A_training_goes_on_from_one_as_if_it_had_not_stopped(string optimizer)
    {
        using var folder = new TemporaryFolder();
        using var team = new Team(1);
        var checkpoints = new Checkpoints(folder.Path, new RunIdentity(new Dictionary<string, string>()), Config, "", 1);
        var (programs, adapter) = Prepare(optimizer, team);
        using var first = programs;
        Steps(first, 0, 3);
        var path = checkpoints.Save(first, new TrainingState { Step = 3 });
        Steps(first, 3, 6);

        var (again, resumed) = Prepare(optimizer, team);
        using var second = again;
        Assert.Equal(3, checkpoints.Load(path, second).Step);
        Steps(second, 3, 6);

        foreach (var (mine, other) in adapter.Parameters.Zip(resumed.Parameters))
            Assert.True(adapter.Values(mine).SequenceEqual(resumed.Values(other)), mine.Name);
        foreach (var (mine, other) in first.Moments.Zip(second.Moments))
            Assert.True(mine.Buffer.Span<byte>((int)mine.Buffer.Length).SequenceEqual(other.Buffer.Span<byte>((int)other.Buffer.Length)), mine.Name);
        Assert.Equal(optimizer.EndsWith("_8bit", StringComparison.Ordinal), first.Moments.Any(moment => moment.Type == DType.U8));
    }

    [Fact]
    public void One_with_another_optimizer_s_state_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var team = new Team(1);
        var checkpoints = new Checkpoints(folder.Path, new RunIdentity(new Dictionary<string, string>()), Config, "", 1);
        using var wide = Prepare("adamw_torch", team).Programs;
        using var narrow = Prepare("adamw_bnb_8bit", team).Programs;

        var error = Assert.Throws<InvalidDataException>(() => checkpoints.Load(checkpoints.Save(wide, new TrainingState { Step = 1 }), narrow));
        Assert.Contains("checkpoint-1/optimizer.safetensors: tensor 'exp_avg.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void States_take_the_bytes_that_are_planned_for_them()
    {
        using var team = new Team(1);
        foreach (var optimizer in (string[])["adamw_torch", "adamw_bnb_8bit", "lion_32bit", "lion_8bit", "adafactor", "sgd"])
        {
            var (programs, adapter) = Prepare(optimizer, team);
            using var allocated = programs;
            Assert.Equal(programs.Moments.Sum(moment => moment.Buffer.Length), UpdateProgram.StateBytes(adapter.Parameters, new OptimizerOptions { Name = optimizer }));
        }
    }

    private static (TrainingPrograms Programs, Adapter Adapter) Prepare(string optimizer, Team team)
    {
        var model = TwoLayerModel.Create();
        var (adapter, _) = Lora.Create(model, Config, 1);
        var backend = Backends.Default();
        var options = new ProgramOptions(new Counts { Rows = 16, LabelledRows = 16, Targets = 16, Segments = 1 }, DType.F32, Checkpoint.Cheap, new LossOptions(), new OptimizerOptions { Name = optimizer });
        return (new TrainingPrograms(new TrainingPlans(model, adapter, options, backend, team.Size), backend, team), adapter);
    }

    private static void Steps(TrainingPrograms programs, int from, int to)
    {
        for (var step = from; step < to; step++)
        {
            programs.Accumulate(Batch, 1, step, 0);
            programs.Update(step, 1e-2);
        }
    }
}

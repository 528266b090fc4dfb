using Afina.Adapters;
using Afina.Data.Packing;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Tests.Engine.Execution;
using Afina.Tests.Models;
using Afina.Training;
using Xunit;

namespace Afina.Tests.Training;

public sealed class TrainingProgramsTests
{
    [Theory]
    [InlineData(DType.F32, 1)]
    [InlineData(DType.F32, 2)]
    [InlineData(DType.BF16, 1)]
    [InlineData(DType.BF16, 2)]
    public void Nothing_is_allocated_by_the_programs_of_a_steady_step(DType type, int threads)
    {
        foreach (var (weights, optimizer) in new[] { (WeightFormat.AsStored, "adamw_bnb_8bit"), (WeightFormat.Nf4, "adamw_torch") })
        {
            var model = new WeightConversion(weights, true, 64).Apply(TwoLayerModel.Create(), name => name.Contains("proj", StringComparison.Ordinal));
            var (adapter, _) = Lora.Create(model, new LoraConfig { R = 128, LoraAlpha = 8, LoraDropout = 0.1, TargetModules = ModuleNames.Expression("all-linear") }, 1);
            var backend = new CountingBackend();
            using var team = new Team(threads);
            var capacity = new Counts { Rows = 32, LabelledRows = 32, Targets = 32, Segments = 4 };
            var plans = new TrainingPlans(model, adapter, new ProgramOptions(capacity, type, Checkpoint.Layers, new LossOptions(), new OptimizerOptions { Name = optimizer }), backend, threads);
            using var programs = new TrainingPrograms(plans, backend, team);
            var batch = new MicroBatch([.. Enumerable.Range(1, 24)], [new Segment(0, 10), new Segment(10, 14)], [.. Enumerable.Range(2, 7).Select(row => new Target(row, row + 2, 0.1f)), new Target(20, 3, 0.1f)], [], []);
            for (var step = 0; step < 20; step++)
            {
                if (step == 10)
                    backend.Clear();
                programs.Accumulate(batch, 1, step, 0);
                programs.Accumulate(batch, 1, step, 1);
                programs.Update(step, 1e-3);
                programs.Score(batch);
            }

            Assert.True(backend.Calls > 10 * plans.Step.Graph.Nodes.Count);
            Assert.Empty(backend.Allocated);
        }
    }
}

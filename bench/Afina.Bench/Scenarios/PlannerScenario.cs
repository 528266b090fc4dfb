using Afina.Data.Packing;

namespace Afina.Bench.Scenarios;

/// <summary>The planner's micro-steps take a part of the memory, and nearly no more time.</summary>
internal sealed class PlannerScenario : Scenario
{
    private const int Window = 512, Windows = 4;

    public override string Name => "planner";

    public override string Summary => "2,048 rows as the planner cuts them / in one micro-step";

    public override string Unit => "tokens";

    public override double Bar => 0.95;

    public override (Side Subject, Side Baseline) Prepare(ScenarioContext context)
    {
        var random = new Random(7);
        Sequence[] sequences = [.. Enumerable.Range(0, Windows).Select(_ => TrainingRig.Random(random, context.Model.Config.VocabularySize, Window))];
        return (Side("free", null), Side("whole", Window * Windows));

        Side Side(string name, int? microRows)
        {
            var rig = new TrainingRig(context, Window, Window * Windows, planner: options => options with { MicroRows = microRows });
            return rig.Side($"{name} ({rig.Memory.Training / 1e6:F0} MB)", [rig.Pack(sequences)], Window * Windows);
        }
    }
}

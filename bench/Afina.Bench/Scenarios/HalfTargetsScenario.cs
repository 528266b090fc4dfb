using Afina.Data.Packing;

namespace Afina.Bench.Scenarios;

/// <summary>Rows without a target cost no head, and of the last layer only their keys and values.</summary>
internal sealed class HalfTargetsScenario : Scenario
{
    private const int Window = 512, Windows = 4;

    public override string Name => "half-targets";

    public override string Summary => "half of the rows with targets / all rows with targets";

    public override string Unit => "tokens";

    public override double Bar => 1.07;

    public override (Side Subject, Side Baseline) Prepare(ScenarioContext context)
    {
        return (Side("half", 0.5), Side("all", 1));

        Side Side(string name, double labelled)
        {
            var random = new Random(7);
            var rig = new TrainingRig(context, Window, Window * Windows);
            Sequence[] sequences = [.. Enumerable.Range(0, Windows).Select(_ => TrainingRig.Random(random, context.Model.Config.VocabularySize, Window, labelled))];
            return rig.Side(name, [rig.Pack(sequences)], Window * Windows);
        }
    }
}

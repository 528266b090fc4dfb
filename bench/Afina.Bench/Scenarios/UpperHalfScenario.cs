using Afina.Data.Packing;
using Afina.Formats.Peft;

namespace Afina.Bench.Scenarios;

/// <summary>With adapters in the upper half of the layers, the lower half has no backward, and from the second epoch on no forward either.</summary>
internal sealed class UpperHalfScenario : Scenario
{
    private const int Window = 512, Windows = 4;

    public override string Name => "upper-half";

    public override string Summary => "adapters in the upper half of the layers, in a later epoch / adapters everywhere";

    public override string Unit => "tokens";

    public override double Bar => 1.5;

    public override (Side Subject, Side Baseline) Prepare(ScenarioContext context)
    {
        var layers = context.Model.Config.Layers.Count;
        var upper = TrainingRig.AllLinear with { TargetModules = ModuleNames.Expression($".*layers.({string.Join('|', Enumerable.Range(layers / 2, layers - layers / 2))}).*_proj") };
        var random = new Random(7);
        Sequence[] sequences = [.. Enumerable.Range(0, Windows).Select(_ => TrainingRig.Random(random, context.Model.Config.VocabularySize, Window))];
        return (Side("upper", upper), Side("all", TrainingRig.AllLinear));

        Side Side(string name, LoraConfig lora)
        {
            var rig = new TrainingRig(context, Window, Window * Windows, lora, rowsToKeep: Window * Windows);
            return rig.Side(name, [rig.Pack(sequences)], Window * Windows);
        }
    }
}

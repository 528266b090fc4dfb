using Afina.Data.Packing;
using Afina.Models;

namespace Afina.Bench.Scenarios;

/// <summary>Matrices that stay in 4 bits are widened again in each micro-step, which is to cost nearly nothing.</summary>
internal abstract class FourBitScenario(WeightFormat format) : Scenario
{
    private const int Window = 512, Windows = 4;

    public override string Unit => "tokens";

    public override double Bar => 0.93;

    public override (Side Subject, Side Baseline) Prepare(ScenarioContext context)
    {
        var random = new Random(7);
        Sequence[] sequences = [.. Enumerable.Range(0, Windows).Select(_ => TrainingRig.Random(random, context.Model.Config.VocabularySize, Window))];
        return (Side("four bits", context with { Model = new WeightConversion(format).Apply(context.Language.Decoder) }), Side("bf16", context));

        Side Side(string name, ScenarioContext over)
        {
            var rig = new TrainingRig(over, Window, Window * Windows);
            return rig.Side(name, [rig.Pack(sequences)], Window * Windows);
        }
    }
}

/// <summary>QLoRA, its scales quantized too.</summary>
internal sealed class Nf4Scenario() : FourBitScenario(WeightFormat.Nf4)
{
    public override string Name => "nf4";

    public override string Summary => "LoRA over NF4 with double quantization / over bf16";
}

/// <summary>The embedded model's Q4_1, without converting it.</summary>
internal sealed class AsStoredScenario() : FourBitScenario(WeightFormat.AsStored)
{
    public override string Name => "as-stored";

    public override string Summary => "LoRA over the matrices as the file has them / over bf16";
}

using Afina.Data.Packing;

namespace Afina.Bench.Scenarios;

/// <summary>Short examples side by side in one micro-step cost no more per token than long ones: they need less attention and no padding.</summary>
internal sealed class PackedScenario : Scenario
{
    private const int Window = 512, Windows = 8, Mean = 80, Shortest = 16;

    public override string Name => "packed";

    public override string Summary => "examples of 80 tokens on average, packed into windows of 512 / full windows of 512";

    public override string Unit => "tokens";

    public override double Bar => 1;

    public override (Side Subject, Side Baseline) Prepare(ScenarioContext context)
    {
        var vocabulary = context.Model.Config.VocabularySize;
        var random = new Random(7);
        var examples = new List<Sequence>();
        for (var tokens = 0; ;)
        {
            var length = random.Next(Shortest, 2 * Mean - Shortest + 1);
            if ((tokens += length) > Window * Windows)
                break;
            examples.Add(TrainingRig.Random(random, vocabulary, length));
        }

        return (Side("packed", examples), Side("full", [.. Enumerable.Range(0, Windows).Select(_ => TrainingRig.Random(random, vocabulary, Window))]));

        Side Side(string name, List<Sequence> sequences)
        {
            var rig = new TrainingRig(context, Window, Window * Windows);
            return rig.Side(name, [rig.Pack(sequences)], sequences.Sum(sequence => sequence.Tokens.Length));
        }
    }
}

using Afina.Data;
using Afina.Data.Packing;

namespace Afina.Bench.Scenarios;

/// <summary>Rows that begin with the same long instruction: it is computed once per micro-step.</summary>
internal sealed class SharedPrefixScenario : Scenario
{
    private const int Rows = 64, RowsPerStep = 32, LeastShared = 16;

    public override string Name => "shared-prefix";

    public override string Summary => "rows with a common beginning (--data FILE), shared / each for itself";

    public override string Unit => "rows";

    public override double Bar => 2;

    public override (Side Subject, Side Baseline) Prepare(ScenarioContext context)
    {
        var path = context.Data ?? throw new ArgumentException("this scenario wants rows that begin alike: --data FILE");
        var data = DataLoader.Supervised(new DataRequest { Sources = [DataSource.Parse(path)] }, context.Language.Tokenizer);
        var sequences = data.Train.Take(Rows).Select(Sequence.Of).ToArray();
        return (Side("shared", LeastShared), Side("apart", 0));

        Side Side(string name, int leastShared)
        {
            var rig = new TrainingRig(context, sequences.Max(sequence => sequence.Tokens.Length), sequences.Take(RowsPerStep).Sum(sequence => sequence.Tokens.Length));
            return rig.Side(name, [.. sequences.Chunk(RowsPerStep).Select(step => rig.Pack(step, leastShared))], sequences.Length);
        }
    }
}

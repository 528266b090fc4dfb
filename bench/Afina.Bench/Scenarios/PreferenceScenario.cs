using Afina.Adapters;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Training;
using Afina.Training.Objectives;
using Afina.Training.Objectives.Losses;

namespace Afina.Bench.Scenarios;

/// <summary>Steps of DPO over new pairs, the reference's pass with them: with the prompt computed once for both answers, and with each answer
/// as a sequence of its own.</summary>
internal sealed class PreferenceScenario : Scenario
{
    private const int Pairs = 4, Prompt = 192, Answer = 64;

    public override string Name => "preference";

    public override string Summary => "DPO pairs whose prompt is 3/4 of their length, prompt shared / two separate sequences";

    public override string Unit => "pairs";

    public override double Bar => 1.4;

    public override (Side Subject, Side Baseline) Prepare(ScenarioContext context) => (Side(context, "shared", 1), Side(context, "separate", 0));

    private static Side Side(ScenarioContext context, string name, int sharedPrefix)
    {
        var random = new Random(7);
        var vocabulary = context.Model.Config.VocabularySize;
        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(vocabulary))];
        TrainingExample[] pairs = [.. Enumerable.Range(0, Pairs).Select(_ => Dpo.Lay(new PreferenceExample(Tokens(Prompt), Tokens(Answer), Tokens(Answer), "random", 0)))];
        var objective = new Dpo(new DpoOptions());
        var (adapter, _) = Lora.Create(context.Model, TrainingRig.AllLinear, 1);
        var backend = Backends.Default();
        var options = new PlannerOptions(DType.BF16, new LossOptions(), new OptimizerOptions()) { Objective = objective };
        var load = new TrainingLoad(pairs.Max(pair => pair.Rows(sharedPrefix)), pairs.Sum(pair => pair.Rows(sharedPrefix)), context.Model.Weights.All.Values.Sum(weight => weight.Bytes));
        var (plans, _) = TrainingPlanner.Choose(context.Model, adapter, options, load, backend, context.Team.Size);
        var programs = new TrainingPrograms(plans, backend, context.Team);
        var capacity = plans.Options.Capacity;
        var packer = new StepPacker(new PackingLimits(capacity.Rows, sharedPrefix, capacity.Targets, capacity.Segments));
        var runner = new WindowRunner(programs, objective);
        var numbers = Enumerable.Range(0, Pairs).ToArray();
        var step = 0;
        return new Side(name, () =>
        {
            runner.Accumulate(new Window(pairs, Pairs), packer, numbers, new ReferenceScores(pairs), 1, step);
            programs.Update(step++, 1e-5);
            return Pairs;
        })
        { Holds = programs };
    }
}

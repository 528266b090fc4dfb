using System.Text.Json;
using Afina.Adapters;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Training;
using Afina.Training.Objectives;

namespace Afina.Conformance.Kinds;

/// <summary>Trainings on pairs of answers, each run with the prompt computed once for both answers, and with every answer as a sequence of its own.</summary>
internal static class PreferenceTraining
{
    public static void Run(Case @case, Check check)
    {
        using var model = LanguageModel.Open(@case.Resolve(@case.Text("model")!));
        var decoder = model.Decoder;
        if (@case.Json.TryGetProperty("quantization", out var quantization) && quantization.ValueKind == JsonValueKind.Object)
            decoder = TrainingKind.Quantized(decoder, quantization);
        foreach (var sharedPrefix in (int[])[1, 0])
            Train(@case, check, decoder, sharedPrefix);
    }

    private static void Train(Case @case, Check check, Decoder decoder, int sharedPrefix)
    {
        var json = @case.Json;
        var objective = Objective(json.GetProperty("options"));
        var (adapter, _) = Lora.Load(decoder, @case.Resolve(@case.Text("initial")!));
        var reference = json.GetProperty("options").GetProperty("reference").GetString() switch
        {
            "adapters-off" => null,
            "initial-adapter" => adapter.Copy(),
            var other => throw new NotSupportedCase($"the reference {other} is not supported"),
        };
        var rows = Rows(@case.Resolve(@case.Text("rows")!));
        var evaluation = json.TryGetProperty("evaluation", out var found) && found.ValueKind == JsonValueKind.Object ? found : default;
        var held = evaluation.ValueKind == JsonValueKind.Object ? Rows(@case.Resolve(evaluation.GetProperty("rows").GetString()!)) : [];

        // Room for two pairs: micro-batches are cut into micro-steps, which must change nothing.
        var room = 2 * rows.Concat(held).Max(row => row.Tokens);
        var capacity = new Counts { Rows = room, LabelledRows = room, Targets = 2 * room, Segments = room };
        using var team = new Team(2);
        var backend = Backends.Default();
        var options = new ProgramOptions(capacity, DType.F32, Checkpoint.Cheap, new LossOptions(), TrainingKind.Optimizer(json)) { Objective = objective, Reference = reference };
        using var programs = new TrainingPrograms(new TrainingPlans(decoder, adapter, options, backend, team.Size), backend, team);
        var packer = new StepPacker(new PackingLimits(capacity.Rows, sharedPrefix, capacity.Targets, capacity.Segments));
        var runner = new WindowRunner(programs, objective);
        var (scores, heldScores) = (new ReferenceScores(rows), new ReferenceScores(held));

        var expected = @case.OwnJson("steps.json").EnumerateArray().ToArray();
        var schedule = TrainingKind.ScheduleOf(json.GetProperty("schedule"));
        var rate = json.GetProperty("optimizer").GetProperty("learning_rate").GetDouble();
        var batchSize = json.GetProperty("per_device_train_batch_size").GetInt32();
        var step = 0;
        var tokens = 0;
        Evaluate();
        for (var epoch = 0; epoch < json.GetProperty("num_train_epochs").GetInt32(); epoch++)
        {
            foreach (var numbers in Enumerable.Range(0, rows.Length).Chunk(batchSize * json.GetProperty("gradient_accumulation_steps").GetInt32()))
            {
                var window = new Window([.. numbers.Select(number => rows[number])], batchSize);
                runner.Accumulate(window, packer, numbers, scores, 0, step);
                var factor = schedule.Factor(step);
                var norm = programs.Update(step, rate * factor);
                tokens += window.Sequences.Sum(sequence => sequence.Tokens.Length + 1);
                var want = expected[step++];
                check.Close(want.GetProperty("loss").GetDouble(), window["loss"], "loss");
                check.Close(want.GetProperty("grad_norm").GetDouble(), norm, "grad_norm");
                check.Close(want.GetProperty("learning_rate").GetDouble(), rate * factor, "learning_rate");
                Metrics(check, json, want, "", window.Metrics);
                check.Close(want.GetProperty("metrics").GetProperty("num_tokens").GetDouble(), tokens, "metrics");
                Evaluate();
            }
        }

        check.Equal(json.GetProperty("total_steps").GetInt32(), step, "total_steps");
        var (final, _) = Lora.Load(decoder, @case.Resolve(@case.Text("final")!));
        foreach (var parameter in final.Parameters)
            check.Close(final.Values(parameter), adapter.Values(adapter.Parameters.Single(mine => mine.Name == parameter.Name)), "final");

        void Evaluate()
        {
            if (held.Length == 0 || (step > 0 && step % evaluation.GetProperty("every_steps").GetInt32() != 0))
                return;
            foreach (var want in Case.ReadJson(@case.Resolve(evaluation.GetProperty("values").GetString()!)).EnumerateArray().Where(value => value.GetProperty("step").GetInt32() == step))
            {
                // The loss is a mean over the rows, every other number one over the batches.
                var size = evaluation.GetProperty("per_device_eval_batch_size").GetInt32();
                check.Close(want.GetProperty("eval_loss").GetDouble(), Measured(held.Length)["loss"], "loss");
                Metrics(check, json, want, "eval_", Measured(size).Metrics);
            }
        }

        Window Measured(int size)
        {
            var window = new Window(held, size, isHeldOut: true);
            runner.Measure(window, packer.Pack(window.Sequences, window.ExampleOf), heldScores);
            return window;
        }
    }

    private static void Metrics(Check check, JsonElement @case, JsonElement want, string prefix, IReadOnlyDictionary<string, double> got)
    {
        var informational = @case.TryGetProperty("informational_metrics", out var names) ? names.EnumerateArray().Select(name => name.GetString()).ToArray() : [];
        foreach (var metric in want.GetProperty("metrics").EnumerateObject())
        {
            var name = metric.Name[prefix.Length..];
            if (name == "num_tokens" || informational.Contains(name) || informational.Contains(metric.Name))
                continue;
            if (got.TryGetValue(name, out var value))
                check.Close(metric.Value.GetDouble(), value, "metrics");
            else
                check.Fail($"{metric.Name} was not measured");
        }
    }

    private static Dpo Objective(JsonElement options)
    {
        if (options.TryGetProperty("use_weighting", out var value) && value.ValueKind == JsonValueKind.True)
            throw new NotSupportedCase("use_weighting is not supported");

        try
        {
            return new Dpo(LossKind.DpoOptions(options));
        }
        catch (FormatException error)
        {
            throw new NotSupportedCase(error.Message);
        }
    }

    private static TrainingExample[] Rows(string file) => [.. Case.ReadJson(file).EnumerateArray().Select(row =>
        Dpo.Lay(new PreferenceExample(Ints(row, "prompt_ids"), Ints(row, "chosen_ids"), Ints(row, "rejected_ids"), file, 0)))];

    private static int[] Ints(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(value => value.GetInt32())];
}

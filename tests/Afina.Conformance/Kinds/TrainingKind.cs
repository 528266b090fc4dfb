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
using Afina.Training.Schedules;

namespace Afina.Conformance.Kinds;

/// <summary>Whole trainings: per-step losses, gradient norms, rates and metrics, and the adapter at the end. With bf16 activations the losses
/// must be within 2 %, and the rest is only reported: the values were computed in fp32.</summary>
internal sealed class TrainingKind : Kind
{
    public override string Name => "training";

    public override void Run(Case @case, Check check)
    {
        if (@case.Text("objective") is not ("sft" or "dpo") and var objective)
            throw new NotSupportedCase($"objective {objective} is not supported");
        if (@case.Text("initial") is null)
            throw new NotSupportedCase("training all weights is not supported");
        if (CurveKind.Type == DType.BF16)
            check.JudgeOnly("loss", 0.02);
        if (@case.Text("objective") == "dpo")
        {
            PreferenceTraining.Run(@case, check);
            return;
        }

        using var model = LanguageModel.Open(@case.Resolve(@case.Text("model")!));
        var decoder = model.Decoder;
        if (@case.Json.TryGetProperty("quantization", out var quantization) && quantization.ValueKind == JsonValueKind.Object)
            decoder = Quantized(decoder, quantization);
        var (adapter, _) = Lora.Load(decoder, @case.Resolve(@case.Text("initial")!));
        var json = @case.Json;
        var optimizer = Optimizer(json);
        var options = json.GetProperty("options");
        var loss = new LossOptions(LabelSmoothing: options.GetProperty("label_smoothing_factor").GetSingle(), Dynamic: options.GetProperty("loss_type").GetString() == "dft");
        var rows = Rows(@case.Resolve(@case.Text("rows")!));
        var evaluation = json.TryGetProperty("evaluation", out var found) && found.ValueKind == JsonValueKind.Object ? found : default;
        var held = evaluation.ValueKind == JsonValueKind.Object ? Rows(@case.Resolve(evaluation.GetProperty("rows").GetString()!)) : [];
        var batchSize = json.GetProperty("per_device_train_batch_size").GetInt32();
        var heldSize = evaluation.ValueKind == JsonValueKind.Object ? evaluation.GetProperty("per_device_eval_batch_size").GetInt32() : 1;
        var capacity = Capacity(rows.Chunk(batchSize).Concat(held.Chunk(heldSize)).Select(batch => Join(batch, 1)));

        using var team = new Team(2);
        var backend = Backends.Default();
        using var programs = new TrainingPrograms(new TrainingPlans(decoder, adapter, new ProgramOptions(capacity, CurveKind.Type, Checkpoint.Cheap, loss, optimizer), backend, team.Size), backend, team);
        var expected = @case.OwnJson("steps.json").EnumerateArray().ToArray();
        var schedule = ScheduleOf(json.GetProperty("schedule"));
        var rate = json.GetProperty("optimizer").GetProperty("learning_rate").GetDouble();
        var step = 0;
        Evaluate(@case, evaluation, held, heldSize, programs, 0, check);
        for (var epoch = 0; epoch < json.GetProperty("num_train_epochs").GetInt32(); epoch++)
        {
            foreach (var window in rows.Chunk(batchSize).Chunk(json.GetProperty("gradient_accumulation_steps").GetInt32()))
            {
                var count = window.Sum(batch => batch.Sum(row => row.Targets));
                double sum = 0, entropy = 0, accuracy = 0;
                for (var micro = 0; micro < window.Length; micro++)
                {
                    var batch = Join(window[micro], 1f / count);
                    var result = programs.Accumulate(batch, 0, step, micro);
                    sum += result.Losses.Sum() / count;
                    entropy += result.Entropies.Average(value => (double)value) / window.Length;
                    accuracy += result.Correct.Average(value => value ? 1.0 : 0) / window.Length;
                }

                var factor = schedule.Factor(step);
                var norm = programs.Update(step, rate * factor);
                var want = expected[step++];
                check.Close(want.GetProperty("loss").GetDouble(), sum, "loss");
                check.Close(want.GetProperty("grad_norm").GetDouble(), norm, "grad_norm");
                check.Close(want.GetProperty("learning_rate").GetDouble(), rate * factor, "learning_rate");
                Metrics(want, "", entropy, accuracy, check);
                if (evaluation.ValueKind == JsonValueKind.Object && step % evaluation.GetProperty("every_steps").GetInt32() == 0)
                    Evaluate(@case, evaluation, held, heldSize, programs, step, check);
            }
        }

        check.Equal(json.GetProperty("total_steps").GetInt32(), step, "total_steps");
        var (final, _) = Lora.Load(decoder, @case.Resolve(@case.Text("final")!));
        List<float> wanted = [], got = [];
        foreach (var parameter in final.Parameters)
        {
            wanted.AddRange(final.Values(parameter));
            got.AddRange(adapter.Values(adapter.Parameters.Single(mine => mine.Name == parameter.Name)));
        }

        check.CloseInShare(wanted.ToArray(), got.ToArray(), "final");
    }

    private sealed record RowOfIds(int[] Ids, int[] Labels, int[] Lengths)
    {
        public int Targets { get; } = Documents(Lengths, Ids.Length).Sum(document => Enumerable.Range(document.Start + 1, document.Length - 1).Count(at => Labels[at] != TokenizedExample.NotTrained));
    }

    private static IEnumerable<(int Start, int Length)> Documents(int[] lengths, int all)
    {
        var start = 0;
        foreach (var length in lengths.Length > 0 ? lengths : [all])
        {
            yield return (start, length);
            start += length;
        }
    }

    private static RowOfIds[] Rows(string file) => [.. Case.ReadJson(file).EnumerateArray().Select(row => new RowOfIds(
        Ints(row.GetProperty("input_ids")), Ints(row.GetProperty("labels")), row.TryGetProperty("seq_lengths", out var lengths) && lengths.ValueKind == JsonValueKind.Array ? Ints(lengths) : []))];

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetInt32())];

    private static MicroBatch Join(RowOfIds[] rows, float weight)
    {
        List<int> tokens = [];
        List<Segment> segments = [];
        List<Target> targets = [];
        foreach (var row in rows)
        {
            foreach (var (start, length) in Documents(row.Lengths, row.Ids.Length))
            {
                segments.Add(new Segment(tokens.Count + start, length));
                for (var at = start + 1; at < start + length; at++)
                {
                    if (row.Labels[at] != TokenizedExample.NotTrained)
                        targets.Add(new Target(tokens.Count + at - 1, row.Labels[at], weight));
                }
            }

            tokens.AddRange(row.Ids);
        }

        return new MicroBatch([.. tokens], [.. segments], [.. targets], [], []);
    }

    private static Counts Capacity(IEnumerable<MicroBatch> batches)
    {
        var all = batches.ToArray();
        return new Counts
        {
            Rows = all.Max(batch => batch.Tokens.Length),
            LabelledRows = Math.Max(all.Max(batch => batch.Targets.Length), 1),
            Targets = Math.Max(all.Max(batch => batch.Targets.Length), 1),
            Segments = all.Max(batch => batch.Segments.Length),
        };
    }

    internal static OptimizerOptions Optimizer(JsonElement json)
    {
        var optimizer = json.GetProperty("optimizer");
        var name = optimizer.GetProperty("name").GetString()!;
        OptimizerKind.Require(optimizer, name is "adamw_torch" or "sgd" or "adamw_bnb_8bit" or "lion_32bit" or "lion_8bit" or "adafactor", name);
        double Number(string key, double otherwise) => optimizer.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : otherwise;
        var decays = new Dictionary<string, double>();
        foreach (var group in optimizer.GetProperty("param_groups").EnumerateArray())
        {
            if (group.GetProperty("initial_lr").GetDouble() != optimizer.GetProperty("learning_rate").GetDouble())
                throw new NotSupportedCase("rates per group are not supported");
            foreach (var parameter in group.GetProperty("params").EnumerateArray())
                decays[parameter.GetString()!] = group.GetProperty("weight_decay").GetDouble();
        }

        return new OptimizerOptions
        {
            Name = name,
            Beta1 = Number("beta1", 0.9),
            Beta2 = Number("beta2", 0.999),
            Epsilon = Number("eps", 1e-8),
            Momentum = Number("momentum", 0),
            ClipThreshold = Number("clip_threshold", 1),
            DecayRate = Number("decay_rate", -0.8),
            ScaleParameter = optimizer.TryGetProperty("scale_parameter", out var scales) && scales.GetBoolean(),
            RelativeStep = optimizer.TryGetProperty("relative_step", out var relative) && relative.GetBoolean(),
            MaxGradNorm = json.GetProperty("max_grad_norm").GetDouble(),
            WeightDecayOf = parameter => decays[parameter],
        };
    }

    internal static Schedule ScheduleOf(JsonElement schedule) => SchedulesKind.Create(schedule.GetProperty("name").GetString()!, schedule.GetProperty("options"),
        schedule.GetProperty("warmup_steps").GetInt32(), schedule.GetProperty("total_steps").GetInt32(), 1);

    private static void Evaluate(Case @case, JsonElement evaluation, RowOfIds[] held, int size, TrainingPrograms programs, int step, Check check)
    {
        if (evaluation.ValueKind != JsonValueKind.Object)
            return;
        var wanted = Case.ReadJson(@case.Resolve(evaluation.GetProperty("values").GetString()!)).EnumerateArray().Where(value => value.GetProperty("step").GetInt32() == step).ToArray();
        if (wanted.Length == 0)
            return;
        double loss = 0, entropy = 0, accuracy = 0;
        var batches = held.Chunk(size).ToArray();
        foreach (var rows in batches)
        {
            var result = programs.Score(Join(rows, 1));
            loss += result.Losses.Average() * rows.Length / held.Length;
            entropy += result.Entropies.Average(value => (double)value) / batches.Length;
            accuracy += result.Correct.Average(value => value ? 1.0 : 0) / batches.Length;
        }

        check.Close(wanted[0].GetProperty("eval_loss").GetDouble(), loss, "loss");
        Metrics(wanted[0], "eval_", entropy, accuracy, check);
    }

    private static void Metrics(JsonElement wanted, string prefix, double entropy, double accuracy, Check check)
    {
        if (!wanted.TryGetProperty("metrics", out var metrics))
            return;
        if (metrics.TryGetProperty(prefix + "entropy", out var value))
            check.Close(value.GetDouble(), entropy, "metrics");
        if (metrics.TryGetProperty(prefix + "mean_token_accuracy", out value))
            check.Close(value.GetDouble(), accuracy, "metrics");
    }

    internal static Decoder Quantized(Decoder model, JsonElement quantization)
    {
        var names = quantization.GetProperty("quantized").EnumerateArray().Select(name => name.GetString()!).ToHashSet();
        var options = new WeightConversion(WeightFormatOf(quantization.GetProperty("bnb_4bit_quant_type").GetString()!),
            quantization.GetProperty("bnb_4bit_use_double_quant").GetBoolean(), quantization.GetProperty("blocksize").GetInt32());
        return options.Apply(model, names.Contains);
    }

    private static WeightFormat WeightFormatOf(string name) => name == "nf4" ? WeightFormat.Nf4 : WeightFormat.Fp4;
}

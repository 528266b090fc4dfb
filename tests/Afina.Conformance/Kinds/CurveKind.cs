using System.Text.Json;
using System.Text.Json.Nodes;
using Afina.Adapters;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Data.Preparation;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Formats.Gguf;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Text.Tokenizers;
using Afina.Training;

namespace Afina.Conformance.Kinds;

/// <summary>Real runs of PEFT repeated: the same rows in the same order with the same settings, from an initialization of our own. The loss of
/// each step has to follow within 2 %, the held-out losses within 1.5 %. Takes minutes, so it runs only when asked for by its kind.</summary>
internal sealed class CurveKind : Kind
{
    /// <summary>Type of the activations, as chosen on the command line.</summary>
    public static DType Type { get; set; } = DType.F32;

    /// <summary>Whether low-rank terms are added to rounded projections, as PEFT's run in bf16 did.</summary>
    public static bool AddsToRounded { get; set; }

    /// <summary>The most steps that are run.</summary>
    public static int Steps { get; set; } = int.MaxValue;

    /// <summary>Whether the run is made in bf16 too, with and without measurements on the way, and the ends are compared.</summary>
    public static bool Compares { get; set; }

    public override string Name => "curve";

    public override void Run(Case @case, Check check)
    {
        if (!Compares)
        {
            Run(@case, check, Type, 0);
            return;
        }

        var plain = Run(@case, check, DType.BF16, 0);
        var measured = Run(@case, check, DType.BF16, 10);
        check.Equal(true, plain.Values.AsSpan().SequenceEqual(measured.Values), "measuring every 10 steps changes no bit of the adapter");
        var exact = Run(@case, check, DType.F32, 0);
        Console.WriteLine($"    {@case.Name}: held out at the end {plain.Loss:F4} in bf16, {exact.Loss:F4} in fp32, {100 * (plain.Loss / exact.Loss - 1):+0.00;-0.00} %");
        check.Close([(float)exact.Loss], [(float)plain.Loss], "held-out loss in bf16 and fp32", (0, 0.005));
    }

    /// <param name="evalSteps">Steps between measurements beside those of the case.</param>
    /// <returns>The last held-out loss and the adapter's values.</returns>
    private static (double Loss, float[] Values) Run(Case @case, Check check, DType type, int evalSteps)
    {
        var (json, settings) = (@case.Json, @case.Json.GetProperty("settings"));
        var method = settings.TryGetProperty("method", out var named) ? named.GetString() : "prompting";
        if (method is not ("lora" or "qlora"))
            throw new NotSupportedCase($"method {method} is not supported");
        var path = @case.Resolve(@case.Text("model") ?? json.GetProperty("model").GetProperty("gguf").GetString()!);
        using var opened = LanguageModel.Open(path);
        var model = (method == "qlora" ? new WeightConversion(WeightFormat.Nf4) : new WeightConversion(WeightFormat.AsStored)).Apply(opened.Decoder);
        using var gguf = GgufFile.Open(path);
        var tokenizer = Tokenizer.FromGguf(gguf.Metadata);
        using var chats = new TemporaryChats();
        var data = DataLoader.Supervised(new DataRequest
        {
            Sources = [new DataSource(chats.Write(@case.Resolve(json.GetProperty("data").GetProperty("train").GetString()!), json.GetProperty("data").GetProperty("train_rows").GetInt32()))],
            HeldOutSources = [new DataSource(chats.Write(@case.Resolve(json.GetProperty("data").GetProperty("valid").GetString()!), json.GetProperty("data").GetProperty("valid_rows").GetInt32()))],
            Preparation = new PreparationOptions { MaxLength = settings.GetProperty("max_length").GetInt32() },
        }, tokenizer);
        var rendering = json.GetProperty("rendering");
        check.Same([.. rendering.GetProperty("first_ids").EnumerateArray().Select(id => id.GetInt32())], data.Train[0].Tokens, "first row's tokens");
        check.Same([.. rendering.GetProperty("tokens").EnumerateArray().Select(count => count.GetInt32())], [.. data.Train.Select(example => example.Tokens.Length)], "tokens of each row");
        check.Same([.. rendering.GetProperty("labelled").EnumerateArray().Select(count => count.GetInt32())], [.. data.Train.Select(example => example.TrainedTokens)], "labelled tokens of each row");

        var (adapter, _) = Lora.Create(model, new LoraConfig
        {
            R = settings.GetProperty("r").GetInt32(),
            LoraAlpha = settings.GetProperty("lora_alpha").GetInt32(),
            TargetModules = settings.GetProperty("target_modules").ValueKind == JsonValueKind.Array
                ? ModuleNames.List(settings.GetProperty("target_modules").EnumerateArray().Select(name => name.GetString()!))
                : ModuleNames.Expression(settings.GetProperty("target_modules").GetString()!),
        }, (ulong)settings.GetProperty("init_seed").GetInt32());
        using var team = new Team(Environment.ProcessorCount);
        var backend = Backends.Default();
        var optimizer = new OptimizerOptions
        {
            Beta1 = settings.GetProperty("betas")[0].GetDouble(),
            Beta2 = settings.GetProperty("betas")[1].GetDouble(),
            Epsilon = settings.GetProperty("eps").GetDouble(),
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
            MaxGradNorm = settings.GetProperty("max_grad_norm").GetDouble(),
        };
        var (plans, _) = TrainingPlanner.Choose(model, adapter, new PlannerOptions(type, new LossOptions(), optimizer), new TrainingLoad(settings.GetProperty("max_length").GetInt32(), 2048, 0), backend, team.Size);
        if (AddsToRounded)
            plans = new TrainingPlans(model, adapter, plans.Options with { AddsToRounded = true }, backend, team.Size);
        using var programs = new TrainingPrograms(plans, backend, team);
        var capacity = plans.Options.Capacity;
        var packer = new StepPacker(new PackingLimits(capacity.Rows, 16, capacity.LabelledRows, capacity.Segments));
        var held = packer.Pack([.. data.Held.Select(Sequence.Of)]);
        var expected = json.GetProperty("steps").EnumerateArray().ToArray();
        var (step, last) = (0, 0.0);
        Measure();
        foreach (var order in json.GetProperty("order").EnumerateArray().Take(Steps))
        {
            var rows = order.EnumerateArray().Select(row => Sequence.Of(data.Train[row.GetInt32()])).ToArray();
            var count = rows.Sum(row => row.Targets.Count);
            Sequence[] weighted = [.. rows.Select(row => row with { Targets = [.. row.Targets.Select(target => target with { Weight = 1f / count })] })];
            var loss = 0.0;
            var micro = 0;
            foreach (var batch in packer.Pack(weighted))
                loss += programs.Accumulate(batch, 0, step, micro++).Losses.Sum() / count;
            var norm = programs.Update(step, expected[step].GetProperty("learning_rate").GetDouble());
            var want = expected[step++].GetProperty("loss").GetDouble();
            Console.WriteLine($"    {@case.Name} step {step}: loss {loss:F4} (PEFT {want:F4}, {100 * (loss / want - 1):+0.00;-0.00} %), gradient norm {norm:F3} ({expected[step - 1].GetProperty("grad_norm").GetDouble():F3})");
            check.Close([(float)want], [(float)loss], $"loss of step {step}", (0.002, 0.02));
            if (evalSteps > 0 && step % evalSteps == 0)
                last = HeldOutLoss();
            Measure();
        }

        if (Compares)
            last = HeldOutLoss();
        return (last, [.. adapter.Parameters.SelectMany(parameter => adapter.Values(parameter).ToArray())]);

        double HeldOutLoss()
        {
            var results = held.Select(programs.Score).ToArray();
            return results.Sum(result => result.Losses.Sum()) / results.Sum(result => result.Losses.Length);
        }

        void Measure()
        {
            foreach (var entry in json.GetProperty("heldout").EnumerateArray().Where(entry => entry.GetProperty("step").GetInt32() == step))
            {
                var loss = HeldOutLoss();
                var want = entry.GetProperty("loss").GetDouble();
                Console.WriteLine($"    {@case.Name} step {step}: held out {loss:F4} (PEFT {want:F4}, {100 * (loss / want - 1):+0.00;-0.00} %), {type}");
                check.Close([(float)want], [(float)loss], $"held-out loss after step {step}", (0.005, 0.015));
            }
        }
    }

    /// <summary>Copies of prompt-completion files whose rows are conversations, as the runs rendered them.</summary>
    private sealed class TemporaryChats : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("afina-curve-");

        public string Write(string file, int rows)
        {
            var path = Path.Combine(_folder.FullName, Path.GetFileName(file));
            File.WriteAllLines(path, File.ReadLines(file).Take(rows).Select(line =>
            {
                using var row = JsonDocument.Parse(line);
                JsonArray Turn(string role, string text) => [new JsonObject { ["role"] = role, ["content"] = text.Trim() }];
                return new JsonObject
                {
                    ["prompt"] = Turn("user", row.RootElement.GetProperty("prompt").GetString()!),
                    ["completion"] = Turn("assistant", row.RootElement.GetProperty("completion").GetString()!),
                }.ToJsonString();
            }));
            return path;
        }

        public void Dispose() => _folder.Delete(recursive: true);
    }
}

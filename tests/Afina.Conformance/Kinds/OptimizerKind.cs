using System.Text.Json;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Tensors;
using Afina.Formats.Safetensors;
using Afina.Training;

namespace Afina.Conformance.Kinds;

/// <summary>Steps of an optimizer on given gradients: every parameter after every step, and states that are kept in bytes.</summary>
internal sealed class OptimizerKind : Kind
{
    public override string Name => "optimizer";

    private static readonly string[] Known = ["lr", "betas", "eps", "weight_decay", "momentum", "dampening", "nesterov", "scale_parameter", "relative_step", "warmup_init", "clip_threshold", "decay_rate"];

    /// <summary>Refuses an optimizer that is not there, or a size of blocks that bitsandbytes does not have by default.</summary>
    public static void Require(JsonElement settings, bool isThere, string name)
    {
        if (!isThere)
            throw new NotSupportedCase($"optimizer {name} is not supported");
        bool Is(string key, int value) => !settings.TryGetProperty(key, out var found) || found.GetInt32() == value;
        if (!Is("blocksize", 256) || !Is("min_8bit_size", 4096))
            throw new NotSupportedCase("8-bit states are kept in blocks of 256, from 4,096 elements on");
    }

    public override void Run(Case @case, Check check)
    {
        var options = Options(@case);
        using var input = SafetensorsFile.Open(@case.Own("input.safetensors"));
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        var names = @case.Json.GetProperty("tensors").EnumerateObject().Select(entry => entry.Name).ToArray();
        var buffers = new Bindings();
        var parameters = names.Select(name =>
        {
            var shape = input.Find("param." + name).Shape;
            var parameter = new Parameter(name, shape.Length == 1 ? 1 : (int)shape[0], (int)shape[^1]);
            input.Floats("param." + name).CopyTo(buffers.Allocate(parameter.Value).Span<float>((int)parameter.Count));
            buffers.Allocate(parameter.Gradient);
            return parameter;
        }).ToArray();
        var program = new UpdateProgram(parameters, options, buffers);
        var backend = Backends.Default();
        using var team = new Team(2);
        var plan = backend.Plan(program.Graph, default, team.Size);
        using var arena = new NativeBuffer(plan.ArenaBytes);
        var executor = new Executor(plan, backend, buffers, team, arena);
        buffers[program.Rate].Span<float>(1)[0] = (float)(Number(@case, "lr") ?? 0);
        for (var step = 0; step < @case.Json.GetProperty("steps").GetInt32(); step++)
        {
            foreach (var parameter in parameters)
                input.Floats($"grad.{step + 1}.{parameter.Name}").CopyTo(buffers[parameter.Gradient].Span<float>((int)parameter.Count));
            executor.Run(new Counts { Step = step });
            foreach (var parameter in parameters)
                check.CloseInShare(expected.Floats($"param.{step + 1}.{parameter.Name}"), buffers[parameter.Value].Span<float>((int)parameter.Count), "param");
        }

        foreach (var parameter in parameters)
        {
            var states = program.States.Where(state => state.Name.EndsWith("." + parameter.Name, StringComparison.Ordinal)).ToArray();
            for (var i = 0; 2 * i < states.Length && states[0].Value.Type == DType.U8; i++)
            {
                var codes = expected.Bytes($"state.state{i + 1}.{parameter.Name}");
                var got = buffers[states[2 * i].Value].Span<byte>((int)parameter.Count);
                var differ = 0;
                for (var n = 0; n < got.Length; n++)
                    differ += codes[n] == got[n] ? 0 : 1;
                if (differ > 0.005 * got.Length)
                    check.Fail($"{states[2 * i].Name}: {differ} of {got.Length} codes differ");
                check.Close(expected.Floats($"state.absmax{i + 1}.{parameter.Name}"), buffers[states[2 * i + 1].Value].Span<float>(states[2 * i + 1].Value.Rows.Size), "absmax");
            }
        }
    }

    private static OptimizerOptions Options(Case @case)
    {
        var name = @case.Text("optimizer")!;
        var settings = @case.Json.GetProperty("options");
        var kind = (@case.Text("class") ?? "").Split('.')[^1];
        double[] betas = settings.TryGetProperty("betas", out var found) ? [.. found.EnumerateArray().Select(value => value.GetDouble())] : [];
        if (settings.EnumerateObject().FirstOrDefault(option => !Known.Contains(option.Name) && option.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False)) is { Value.ValueKind: not JsonValueKind.Undefined } unknown)
            throw new NotSupportedCase($"option {unknown.Name} is not supported");
        bool Flag(string key) => settings.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.True;
        Require(@case.Json, kind is "Adam" or "Adam8bit" or "Adam32bit" or "AdamW" or "AdamW8bit" or "AdamW32bit" or "Lion" or "Lion32bit" or "Lion8bit" or "SGD" or "Adafactor", name);
        // bitsandbytes' Adam decays as AdamW does; only torch's adds the decay to the gradient.
        return new OptimizerOptions
        {
            Name = kind switch { "SGD" => "sgd", "Lion" or "Lion32bit" => "lion_32bit", "Lion8bit" => "lion_8bit", "Adafactor" => "adafactor", "Adam8bit" or "AdamW8bit" => "adamw_bnb_8bit", _ => "adamw_torch" },
            Beta1 = betas.ElementAtOrDefault(0),
            Beta2 = betas.ElementAtOrDefault(1),
            Epsilon = Number(@case, "eps") ?? 1e-8,
            WeightDecay = Number(@case, "weight_decay") ?? 0,
            DecoupledDecay = @case.Text("class") != "torch.optim.adam.Adam",
            Momentum = Number(@case, "momentum") ?? 0,
            Dampening = Number(@case, "dampening") ?? 0,
            Nesterov = Flag("nesterov"),
            ScaleParameter = Flag("scale_parameter"),
            RelativeStep = Flag("relative_step"),
            WarmupInit = Flag("warmup_init"),
            ClipThreshold = Number(@case, "clip_threshold") ?? 1,
            DecayRate = Number(@case, "decay_rate") ?? -0.8,
            MaxGradNorm = 0,
        };
    }

    private static double? Number(Case @case, string key) => @case.Json.GetProperty("options").TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}

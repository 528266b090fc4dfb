using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Afina.Cli.Display;
using Afina.Models;
using Afina.Runs;

namespace Afina.Cli.Commands;

/// <summary><c>afina bench</c>: how fast this machine is, as a share of its own limit.</summary>
internal static class BenchCommand
{
    /// <summary>The verb.</summary>
    public static Command Create() => new("bench", "Measures training, generation and products as a share of the machine's limit.") { Train(), Decode(), Products() };

    private static Command Train()
    {
        var command = new Command("train", "The training step: by default 4 sequences of 512 random tokens, every row a target, LoRA r=16 on all linear layers.");
        var (model, json, threads) = (CommonOptions.Base(), CommonOptions.Json(), CommonOptions.Threads());
        var quantize = new Option<string>("--quantize") { Description = "how the frozen matrices are kept: bf16 (default), nf4, fp4, fp32, or none: as stored", DefaultValueFactory = _ => "bf16" };
        quantize.AcceptOnlyFromAmong("bf16", "nf4", "fp4", "fp32", "none");
        var dtype = DType();
        var micro = new Option<int?>("--micro-rows") { Description = "rows of a micro-step (default: the planner's choice)" };
        var sequences = new Option<int>("--sequences") { Description = "sequences of a step", DefaultValueFactory = _ => 4 };
        var length = new Option<int>("--length", "--rows") { Description = "rows of a sequence", DefaultValueFactory = _ => 512 };
        var labelled = new Option<double>("--labelled") { Description = "share of the rows that have a target", DefaultValueFactory = _ => 1 };
        var steps = new Option<int>("--steps") { Description = "measured steps", DefaultValueFactory = _ => 5 };
        var (profile, trace) = (CommonOptions.Profile(), CommonOptions.Trace());
        foreach (var option in new Option[] { model, quantize, dtype, micro, sequences, length, labelled, steps, profile, trace, threads, json })
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            var screen = new Screen(parsed.GetValue(json));
            var display = new ProfileDisplay(parsed.GetValue(profile), parsed.GetValue(trace));
            var result = TrainBenchmark.Run(new TrainBenchmarkOptions
            {
                Model = BaseModels.Resolve(parsed.GetValue(model)),
                Weights = parsed.GetValue(quantize) switch { "none" => WeightFormat.AsStored, var name => Enum.Parse<WeightFormat>(name!, ignoreCase: true) },
                Precision = parsed.GetValue(dtype),
                MicroRows = parsed.GetValue(micro),
                Sequences = Math.Max(1, parsed.GetValue(sequences)),
                Length = Math.Max(2, parsed.GetValue(length)),
                Labelled = Math.Clamp(parsed.GetValue(labelled), 0, 1),
                Steps = Math.Max(1, parsed.GetValue(steps)),
                Profile = display.Taken,
                Threads = parsed.GetValue(threads) ?? 0,
            });
            screen.Line(string.Create(CultureInfo.InvariantCulture, $"  {result.TokensPerSecond:F0} tokens/s, {result.ShareOfLimit:P1} of the limit of {result.LimitTokensPerSecond:F0} ({result.MicrokernelFlops / 1e9:F0} GFLOP/s, {result.Kernels})"));
            screen.Line(string.Create(CultureInfo.InvariantCulture, $"  peak {result.PeakBytes / 1e6:F0} MB, planned {result.PlannedBytes / 1e6:F0} MB, micro-steps of {result.MicroRows} rows"));
            var shown = new JsonObject
            {
                ["tokens_per_second"] = result.TokensPerSecond,
                ["peak_bytes"] = result.PeakBytes,
                ["planned_bytes"] = result.PlannedBytes,
                ["micro_rows"] = result.MicroRows,
                ["microkernel_flops"] = result.MicrokernelFlops,
                ["limit_tokens_per_second"] = result.LimitTokensPerSecond,
                ["share_of_limit"] = result.ShareOfLimit,
                ["kernels"] = result.Kernels,
            };
            display.Show(screen, result.Profile, shown);
            screen.Result(shown);
            return 0;
        });
        return command;
    }

    private static Command Decode()
    {
        var command = new Command("decode", "A prompt of 512 tokens, and 64 greedy tokens after a prompt of one.");
        var (model, json, threads, dtype) = (CommonOptions.Base(), CommonOptions.Json(), CommonOptions.Threads(), DType());
        var (profile, trace) = (CommonOptions.Profile(), CommonOptions.Trace());
        foreach (var option in new Option[] { model, dtype, profile, trace, threads, json })
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            var screen = new Screen(parsed.GetValue(json));
            var display = new ProfileDisplay(parsed.GetValue(profile), parsed.GetValue(trace), "token", "token");
            var result = DecodeBenchmark.Run(new DecodeBenchmarkOptions { Model = BaseModels.Resolve(parsed.GetValue(model)), Precision = parsed.GetValue(dtype), Threads = parsed.GetValue(threads) ?? 0, Profile = display.Taken });
            screen.Line(string.Create(CultureInfo.InvariantCulture, $"  prefill {result.PrefillTokensPerSecond:F0} tokens/s, decode {result.DecodeTokensPerSecond:F0} tokens/s ({result.Kernels}), peak {result.PeakBytes / 1e6:F0} MB"));
            var shown = new JsonObject
            {
                ["prefill_tokens_per_second"] = result.PrefillTokensPerSecond,
                ["decode_tokens_per_second"] = result.DecodeTokensPerSecond,
                ["peak_bytes"] = result.PeakBytes,
                ["kernels"] = result.Kernels,
            };
            display.Show(screen, result.Profile, shown);
            screen.Result(shown);
            return 0;
        });
        return command;
    }

    private static Command Products()
    {
        var command = new Command("gemm", "Products at the shapes of small models.");
        var (json, threads, dtype) = (CommonOptions.Json(), CommonOptions.Threads(), DType());
        foreach (var option in new Option[] { dtype, threads, json })
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            var screen = new Screen(parsed.GetValue(json));
            var (peak, products) = ProductBenchmark.Run(parsed.GetValue(dtype), parsed.GetValue(threads) ?? 0);
            screen.Line(string.Create(CultureInfo.InvariantCulture, $"  in the innermost cache: {peak / 1e9:F0} GFLOP/s"));
            foreach (var product in products)
                screen.Line(string.Create(CultureInfo.InvariantCulture, $"  {product.Shape,-60} {product.Flops / 1e9,7:F0} GFLOP/s  {product.Share:P0}"));
            screen.Result(new JsonObject
            {
                ["microkernel_flops"] = peak,
                ["products"] = new JsonArray([.. products.Select(product => (JsonNode)new JsonObject { ["shape"] = product.Shape, ["flops"] = product.Flops, ["share"] = product.Share })]),
            });
            return 0;
        });
        return command;
    }

    private static Option<string> DType()
    {
        var option = new Option<string>("--dtype") { Description = "type of the activations: bf16 or fp32", DefaultValueFactory = _ => "bf16" };
        option.AcceptOnlyFromAmong("bf16", "fp32");
        return option;
    }
}

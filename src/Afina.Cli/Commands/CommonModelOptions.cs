using System.CommandLine;
using Afina.Models;

namespace Afina.Cli.Commands;

/// <summary>Options of the verbs that run a model without training it.</summary>
internal static class CommonModelOptions
{
    /// <summary>--dtype.</summary>
    public static Option<string?> Type()
    {
        var option = new Option<string?>("--dtype") { Description = "bf16 or fp32 (default: bf16 where the processor multiplies it)" };
        option.AcceptOnlyFromAmong("bf16", "fp32");
        return option;
    }

    /// <summary>--quantize.</summary>
    public static Option<string?> Weights()
    {
        var option = new Option<string?>("--quantize") { Description = "how the base's matrices are kept: none (as stored), nf4, fp4, bf16, fp32" };
        option.AcceptOnlyFromAmong("none", "nf4", "fp4", "bf16", "fp32");
        return option;
    }

    /// <summary>What --dtype says; null: as the processor is.</summary>
    public static bool? IsBf16(string? type) => type is null ? null : type == "bf16";

    /// <summary>What --quantize says.</summary>
    public static WeightFormat Format(string? weights) => weights switch
    {
        "nf4" => WeightFormat.Nf4,
        "fp4" => WeightFormat.Fp4,
        "bf16" => WeightFormat.Bf16,
        "fp32" => WeightFormat.Fp32,
        _ => WeightFormat.AsStored,
    };

    /// <summary>What --threads says.</summary>
    public static int ThreadCount(int? threads) => threads switch
    {
        null => Environment.ProcessorCount,
        >= 1 and <= 1024 => threads.Value,
        _ => throw new FormatException($"--threads must be 1 to 1024, not {threads}"),
    };
}

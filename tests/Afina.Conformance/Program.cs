using Afina.Conformance;

string? root = null, kind = null, name = null;
var verbose = false;
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--kind" when i + 1 < args.Length: kind = args[++i]; break;
        case "--name" when i + 1 < args.Length: name = args[++i]; break;
        case "--verbose": verbose = true; break;
        case "--bf16": Afina.Conformance.Kinds.CurveKind.Type = Afina.Engine.Tensors.DType.BF16; break;
        case "--peft-rounding":
            Afina.Conformance.Kinds.CurveKind.Type = Afina.Engine.Tensors.DType.BF16;
            Afina.Conformance.Kinds.CurveKind.AddsToRounded = true;
            break;
        case "--compare": Afina.Conformance.Kinds.CurveKind.Compares = true; break;
        case "--steps" when i + 1 < args.Length: Afina.Conformance.Kinds.CurveKind.Steps = int.Parse(args[++i], System.Globalization.CultureInfo.InvariantCulture); break;
        case var path when root is null && !path.StartsWith('-'): root = path; break;
        default:
            Console.Error.WriteLine($"afina-conformance: unknown argument {args[i]}; usage: PATH [--kind K] [--name N] [--verbose] [--bf16 | --peft-rounding | --compare] [--steps N]");
            return 2;
    }
}

if (root is null || !Directory.Exists(root))
{
    Console.Error.WriteLine($"afina-conformance: no such folder: {root ?? "(none given)"}; usage: PATH [--kind K] [--name N] [--verbose] [--bf16 | --peft-rounding | --compare] [--steps N]");
    return 2;
}

var results = new List<Result>();
foreach (var @case in Case.Find(Path.GetFullPath(root)))
{
    if (kind is not null && @case.Kind != kind)
        continue;
    if (name is not null && @case.Name != name && Path.GetFileName(@case.Name) != name && !@case.Name.StartsWith(name + "/", StringComparison.Ordinal))
        continue;
    // Curves take minutes each: only when asked for.
    var result = @case.Kind == "curve" && kind != "curve" && name != @case.Name
        ? new Result(@case, Outcome.Skipped, new Check(@case.Json), "real runs take minutes; add --kind curve")
        : Runner.Run(@case);
    results.Add(result);
    var (absolute, relative) = result.Check.Tolerance("");
    var measure = result.Check.Compared > 0 ? $"  error {result.Check.LargestError:G3} ({result.Check.WorstRatio:G3} of tolerance {absolute:G2}+{relative:G2}|x|)" : "";
    var word = result.Outcome switch { Outcome.Passed => "pass", Outcome.Failed => "FAIL", _ => "not supported" };
    var reason = result.Message.Split('\n')[0].TrimEnd();
    Console.WriteLine($"{@case.Kind,-14} {@case.Name,-48} {word}{measure}{(reason.Length > 0 ? "  " + reason : "")}");
    if (verbose)
    {
        foreach (var failure in result.Check.Failures)
            Console.WriteLine($"    {failure}");
    }
}

Console.WriteLine();
Console.WriteLine($"{"kind",-16}{"passed",8}{"failed",8}{"skipped",8}");
foreach (var group in results.GroupBy(result => result.Case.Kind).OrderBy(group => group.Key, StringComparer.Ordinal))
    Console.WriteLine($"{group.Key,-16}{group.Count(r => r.Outcome == Outcome.Passed),8}{group.Count(r => r.Outcome == Outcome.Failed),8}{group.Count(r => r.Outcome == Outcome.Skipped),8}");

Console.WriteLine();
Console.WriteLine($"{results.Count(r => r.Outcome == Outcome.Passed)} passed, {results.Count(r => r.Outcome == Outcome.Failed)} failed, {results.Count(r => r.Outcome == Outcome.Skipped)} skipped");
return results.Exists(r => r.Outcome == Outcome.Failed) ? 1 : 0;

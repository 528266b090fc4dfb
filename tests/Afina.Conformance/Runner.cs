using System.Reflection;

namespace Afina.Conformance;

/// <summary>How a case ended.</summary>
internal enum Outcome
{
    Passed,
    Failed,
    Skipped,
}

/// <summary>A case and how it ended.</summary>
internal sealed record Result(Case Case, Outcome Outcome, Check Check, string Message);

/// <summary>Finds the kinds in this assembly and runs cases with them.</summary>
internal static class Runner
{
    private static readonly Dictionary<string, Kind> Kinds = Assembly.GetExecutingAssembly().GetTypes()
        .Where(type => type.IsSubclassOf(typeof(Kind)) && !type.IsAbstract)
        .Select(type => (Kind)Activator.CreateInstance(type)!)
        .ToDictionary(kind => kind.Name, StringComparer.Ordinal);

    /// <summary>The kinds that are implemented.</summary>
    public static IReadOnlyCollection<string> Supported => Kinds.Keys;

    /// <summary>Runs one case.</summary>
    public static Result Run(Case @case)
    {
        var check = new Check(@case.Json);
        if (!Kinds.TryGetValue(@case.Kind, out var kind))
            return new Result(@case, Outcome.Skipped, check, $"kind '{@case.Kind}' is not supported");
        try
        {
            kind.Run(@case, check);
        }
        catch (NotSupportedCase reason)
        {
            return new Result(@case, Outcome.Skipped, check, reason.Message);
        }
        catch (NotSupportedException reason)
        {
            return new Result(@case, Outcome.Skipped, check, reason.Message);
        }
        catch (Exception error)
        {
            check.Fail($"{error.GetType().Name}: {error.Message}{Environment.NewLine}{error.StackTrace}");
        }

        if (check.Compared == 0 && check.Failures.Count == 0)
            check.Fail("nothing was compared");
        return check.Failures.Count == 0
            ? new Result(@case, Outcome.Passed, check, check.Report)
            : new Result(@case, Outcome.Failed, check, check.Failures[0]);
    }
}

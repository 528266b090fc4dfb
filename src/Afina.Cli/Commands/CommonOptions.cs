using System.CommandLine;

namespace Afina.Cli.Commands;

/// <summary>Options that several verbs have.</summary>
internal static class CommonOptions
{
    /// <summary>--json.</summary>
    public static Option<bool> Json() => new("--json") { Description = "write one JSON object as the last line of standard output, everything else to standard error" };

    /// <summary>--quiet.</summary>
    public static Option<bool> Quiet() => new("--quiet", "-q") { Description = "write only notes and errors, and the object of --json" };

    /// <summary>--profile.</summary>
    public static Option<bool> Profile() => new("--profile") { Description = "show where the time of a step went: each operation with its rate and its share of the machine's limit" };

    /// <summary>--trace.</summary>
    public static Option<string?> Trace() => new("--trace") { Description = "write the first 20 steps to a file that chrome://tracing and ui.perfetto.dev open", HelpName = "file" };

    /// <summary>--base.</summary>
    public static Option<string?> Base() => new("--base", "--base-model") { Description = "folder or .gguf file of the base model (default: the one that the adapter names, or that comes with Afina)" };

    /// <summary>--adapter.</summary>
    public static Option<string?> Adapter() => new("--adapter", "-a") { Description = "folder of an adapter" };

    /// <summary>--threads.</summary>
    public static Option<int?> Threads() => new("--threads") { Description = "threads (default: one per processor)" };
}

using System.CommandLine;

namespace Afina.Cli.Commands;

/// <summary>Options that several verbs have.</summary>
internal static class CommonOptions
{
    /// <summary>--json.</summary>
    public static Option<bool> Json() => new("--json") { Description = "write one JSON object as the last line of standard output, everything else to standard error" };

    /// <summary>--base.</summary>
    public static Option<string?> Base() => new("--base", "--base-model") { Description = "folder or .gguf file of the base model (default: the one that comes with Afina)" };

    /// <summary>--adapter.</summary>
    public static Option<string?> Adapter() => new("--adapter", "-a") { Description = "folder of an adapter" };

    /// <summary>--threads.</summary>
    public static Option<int?> Threads() => new("--threads") { Description = "threads (default: one per processor)" };
}

using System.Text.RegularExpressions;
using Xunit;

namespace Afina.Tests.Architecture;

/// <summary>What the files of the checkout may contain.</summary>
public sealed partial class SourceTests
{
    private const int LongestFile = 400;

    /// <summary>Files that are longer for a stated reason.</summary>
    private static readonly Dictionary<string, string> LongForAReason = [];

    [Fact]
    public void Unsafe_code_lives_in_the_engine_and_in_the_readers_of_formats() =>
        Rule.Holds(Checkout.Sources("src")
            .Where(path => !path.StartsWith("src/Afina.Engine/", StringComparison.Ordinal) && !path.StartsWith("src/Afina/Formats/", StringComparison.Ordinal))
            .Where(path => UnsafeWord().IsMatch(Checkout.ReadCode(path))));

    [Fact]
    public void Only_the_command_line_writes_to_the_console() =>
        Rule.Holds(Checkout.Sources("src")
            .Where(path => !path.StartsWith("src/Afina.Cli/", StringComparison.Ordinal))
            .Where(path => ConsoleUse().IsMatch(Checkout.ReadCode(path))));

    [Fact]
    public void Files_are_read_in_one_sitting()
    {
        var lengths = new[] { "src", "tests", "bench", "samples" }.SelectMany(Checkout.Sources)
            .Select(path => (Path: path, Lines: File.ReadLines(Path.Combine(Checkout.Root, path)).Count()))
            .ToList();

        Rule.Holds(lengths.Where(file => file.Lines > LongestFile && !LongForAReason.ContainsKey(file.Path)).Select(file => $"{file.Path}: {file.Lines} lines"));
        Rule.Holds(LongForAReason.Keys.Except(lengths.Where(file => file.Lines > LongestFile).Select(file => file.Path)));
    }

    [Fact]
    public void Namespaces_follow_folders() =>
        Rule.Holds(new[] { "src/Afina", "src/Afina.Engine", "src/Afina.Cli" }.SelectMany(project => Checkout.Sources(project)
            .Select(path => (Path: path, Declared: NamespaceLine().Match(Checkout.Read(path)).Groups[1].Value))
            .Where(file => file.Declared != "" && file.Declared != Expected(project, file.Path))
            .Select(file => $"{file.Path} declares {file.Declared}")));

    [Fact]
    public void No_text_names_a_machine_a_registry_or_unfinished_work()
    {
        // Put together here so that this file does not name them itself.
        string[] needles = ["/wo" + "rk/", "/fa" + "rm/", "/tmp/bash" + "_jobs", "TO" + "DO", "FIX" + "ME", "HA" + "CK", "NotImplemented" + "Exception"];
        var found =
            from path in Checkout.Texts()
            from line in Checkout.Read(path).Split('\n').Select((text, index) => (Text: text, Number: index + 1))
            let needle = needles.FirstOrDefault(line.Text.Contains) ?? Registry().Match(line.Text).Value
            where needle != ""
            select $"{path}:{line.Number}: {needle}";

        Rule.Holds(found);
    }

    [Theory]
    [InlineData("// unsafe\nvar x = \"unsafe\";", false)]
    [InlineData("/* unsafe\n unsafe */ var x = \"\\\"unsafe\";", false)]
    [InlineData("var x = '\"'; unsafe { }", true)]
    public void Words_of_comments_and_literals_are_not_code(string code, bool found)
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory().FullName, "x.cs");
        File.WriteAllText(file, code);

        Assert.Equal(found, UnsafeWord().IsMatch(Checkout.ReadCode(file)));
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    private static string Expected(string project, string path)
    {
        var folder = path[..path.LastIndexOf('/')];
        return (Path.GetFileName(project) + folder[project.Length..]).Replace('/', '.');
    }

    [GeneratedRegex(@"\bunsafe\b")]
    private static partial Regex UnsafeWord();

    [GeneratedRegex(@"\b(Ansi)?Console\s*\.")]
    private static partial Regex ConsoleUse();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"//(registry|api|pkgs|deb)\.[a-z.]+/")]
    private static partial Regex Registry();
}

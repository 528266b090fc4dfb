using System.Text.RegularExpressions;
using Xunit;

namespace Afina.EndToEnd;

/// <summary>What README.md and docs/ tell a reader to type: README's commands are run, in order, in one folder; of all others the verbs and options exist.</summary>
public sealed partial class DocumentationTests : IDisposable
{
    /// <summary>Arguments that make a command short, by its beginning; a command that is not here is not run, and the test fails.</summary>
    private static readonly Dictionary<string, string[]> Shorter = new(StringComparer.Ordinal)
    {
        ["quickstart"] = ["--max-steps", "2", "--limit", "2"],
        ["train samples/data/first/rows.jsonl"] = ["--max-steps", "2"],
        ["generate"] = ["--max-new-tokens", "4"],
        ["eval samples/data/first/rows.jsonl"] = ["--limit", "3", "--max-new-tokens", "4"],
        ["merge"] = [],
    };

    /// <summary>Commands that are not run, and why.</summary>
    private static readonly Dictionary<string, string> NotRun = new(StringComparer.Ordinal)
    {
        [".ci/run"] = "it runs this test",
    };

    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void Every_command_of_the_readme_runs()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "SKIPPED: the samples are linked");
        Directory.CreateSymbolicLink(_tool["samples"], Path.Combine(Tool.Checkout, "samples"));
        var commands = Blocks(Path.Combine(Tool.Checkout, "README.md")).Where(line => !NotRun.ContainsKey(line)).ToList();

        Assert.NotEmpty(commands);
        foreach (var line in commands)
        {
            Assert.True(line.StartsWith("./afina ", StringComparison.Ordinal), $"README.md has a command that no test runs: {line}");
            var words = Words(line)[1..];
            var rest = string.Join(' ', words);
            var shorter = Shorter.Where(entry => rest.StartsWith(entry.Key, StringComparison.Ordinal)).Select(entry => entry.Value).FirstOrDefault();
            Assert.True(shorter is not null, $"README.md has a command that no test runs: {line}");
            var outcome = _tool.Run([.. words, .. shorter]);
            Assert.True(outcome.Code == 0, $"{line}: {outcome.Error}");
        }
    }

    [Fact]
    public void Every_command_that_the_documents_name_has_its_verb_and_its_options()
    {
        var help = new Dictionary<string, string>(StringComparer.Ordinal);
        var overview = _tool.Run("--help").Succeeded().Output;
        List<string> wrong = [];
        var files = Directory.EnumerateFiles(Path.Combine(Tool.Checkout, "docs"), "*.md").Append(Path.Combine(Tool.Checkout, "README.md")).Append(Path.Combine(Tool.Checkout, "CONTRIBUTING.md"))
            .Concat(Directory.EnumerateFiles(Path.Combine(Tool.Checkout, "recipes"), "*.yaml")).ToList();
        var count = 0;
        foreach (var file in files)
        {
            foreach (var words in Named(File.ReadAllText(file)).Select(Words).Where(words => words.Length > 1 && char.IsAsciiLetterLower(words[1][0])))
            {
                count++;
                string[] verb = words[1] == "bench" && words.Length > 2 && char.IsAsciiLetterLower(words[2][0]) ? words[1..3] : words[1..2];
                var name = string.Join(' ', verb);
                if (!overview.Contains($" {verb[0]} ", StringComparison.Ordinal))
                    wrong.Add($"{Path.GetFileName(file)}: {string.Join(' ', words)}: there is no {verb[0]}");
                else if (!help.ContainsKey(name))
                    help[name] = _tool.Run([.. verb, "--help"]).Succeeded().Output;
                var options = words.Where(word => word.StartsWith("--", StringComparison.Ordinal)).Select(word => word.Split('=')[0])
                    .Concat(name is "train" or "plan" ? words.Select(word => Setting().Match(word)).Where(match => match.Success).Select(match => "--" + match.Groups[1].Value.Replace('_', '-')) : []);
                wrong.AddRange(options.Where(option => option is not ("--help" or "--")).Where(option => !Regex.IsMatch(help.GetValueOrDefault(name, ""), $@"(?<![\w-]){Regex.Escape(option)}(?![\w-])"))
                    .Select(option => $"{Path.GetFileName(file)}: {string.Join(' ', words)}: there is no {option}"));
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.True(count > 20, $"only {count} commands were found");
    }

    /// <summary>Lines of indented and of sh blocks.</summary>
    private static List<string> Blocks(string file)
    {
        var (lines, fence) = (new List<string>(), "");
        foreach (var line in File.ReadLines(file))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
                fence = fence.Length > 0 ? "" : line;
            else if ((fence.Length == 0 && line.StartsWith("    ", StringComparison.Ordinal)) || fence == "```sh")
                lines.Add(line.Trim());
        }

        return [.. lines.Where(line => line.Length > 0)];
    }

    /// <summary>Commands of the program anywhere in a text: at the beginning of a line, or between backticks; what follows two spaces explains.</summary>
    private static IEnumerable<string> Named(string text) => Command().Matches(text).Select(match => match.Groups[1].Value.Split("  ")[0]);

    private static string[] Words(string line) => [.. Word().Matches(line).Select(match => match.Value.Trim('"'))];

    [GeneratedRegex(@"(?:^[# ]*|`)((?:\./)?afina [^`\n]+)", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex("\"[^\"]*\"|[^ ]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\A([a-z][a-z0-9_]*)=")]
    private static partial Regex Setting();
}

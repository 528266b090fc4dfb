using System.Text.RegularExpressions;

namespace Afina.Tests;

/// <summary>The files of the checkout that the tests were built from.</summary>
internal static partial class Checkout
{
    private static readonly HashSet<string> Made = ["artifacts", "node_modules", "runs", "bin", "obj"];

    private static readonly HashSet<string> TextExtensions =
        ["", ".cs", ".cmd", ".csproj", ".css", ".html", ".js", ".json", ".jsonl", ".md", ".props", ".sh", ".slnx", ".yaml", ".yml"];

    /// <summary>The folder of the solution file.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The C# files under a folder, as paths from the root with forward slashes; none if there is no such folder.</summary>
    public static IEnumerable<string> Sources(string folder) => Files(folder).Where(path => path.EndsWith(".cs", StringComparison.Ordinal));

    /// <summary>The text files of the whole checkout, without what builds and runs make.</summary>
    public static IEnumerable<string> Texts() => Files("").Where(path => TextExtensions.Contains(Path.GetExtension(path)));

    /// <summary>The text of a file.</summary>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>A C# file without its comments and the contents of its literals.</summary>
    public static string ReadCode(string path) => CommentOrLiteral().Replace(Read(path), " ");

    /// <summary>Whether a folder is there.</summary>
    public static bool Has(string folder) => Directory.Exists(Path.Combine(Root, folder));

    private static IEnumerable<string> Files(string folder)
    {
        var start = new DirectoryInfo(Path.Combine(Root, folder));
        return start.Exists ? Walk(start) : [];
    }

    // Folders whose name starts with a dot belong to tools; only .ci is the project's.
    private static IEnumerable<string> Walk(DirectoryInfo folder) =>
        folder.EnumerateFiles().Where(file => file.Name != ".git" && file.LinkTarget is null)
            .Select(file => Path.GetRelativePath(Root, file.FullName).Replace('\\', '/'))
            .Concat(folder.EnumerateDirectories()
                .Where(inner => inner.LinkTarget is null && !Made.Contains(inner.Name) && (inner.Name[0] != '.' || inner.Name == ".ci"))
                .SelectMany(Walk));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Afina.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("the tests run outside the checkout");
    }

    [GeneratedRegex("""
        "{3,}.*?"{3,}|@"(?:""|[^"])*"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'|//[^\n]*|/\*.*?\*/
        """, RegexOptions.Singleline)]
    private static partial Regex CommentOrLiteral();
}

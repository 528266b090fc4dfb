using System.Text.Json.Nodes;

namespace Afina.Data;

/// <summary>One row of a data file: its columns, and the place it came from.</summary>
/// <param name="Columns">The columns by name. Preparation reads them and never changes them.</param>
/// <param name="File">The file as the user named it.</param>
/// <param name="Line">The line on which the row begins, from 1.</param>
public sealed record Row(JsonObject Columns, string File, int Line)
{
    /// <summary>The place, as every message about the row begins: <c>file:line</c>.</summary>
    public string Where => $"{File}:{Line}";

    /// <summary>What to throw about this row: one line that begins with its place.</summary>
    internal InvalidDataException Refuse(string problem) => new($"{Where}: {problem}");
}

using System.Text.Json.Nodes;

namespace Afina.Data;

/// <summary>One row of a data file: its columns, and the place it came from.</summary>
/// <param name="Columns">The columns by name. Preparation reads them and never changes them.</param>
/// <param name="File">The file as the user named it.</param>
/// <param name="Line">The line on which the row begins, from 1.</param>
public sealed record Row(JsonObject Columns, string File, int Line)
{
    /// <summary>A prompt and the completion to learn.</summary>
    public static Row Of(string prompt, string completion) => Memory(new JsonObject { ["prompt"] = prompt, ["completion"] = completion });

    /// <summary>Plain text.</summary>
    public static Row Of(string text) => Memory(new JsonObject { ["text"] = text });

    /// <summary>A conversation; the assistant's turns are learned.</summary>
    public static Row Of(params IEnumerable<(string Role, string Content)> turns) => Memory(new JsonObject
    {
        ["messages"] = new JsonArray([.. turns.Select(turn => (JsonNode)new JsonObject { ["role"] = turn.Role, ["content"] = turn.Content })]),
    });

    private static Row Memory(JsonObject columns) => new(columns, "row", 0);

    /// <summary>The place, as every message about the row begins: <c>file:line</c>.</summary>
    public string Where => $"{File}:{Line}";

    /// <summary>What to throw about this row: one line that begins with its place.</summary>
    internal InvalidDataException Refuse(string problem) => new($"{Where}: {problem}");
}

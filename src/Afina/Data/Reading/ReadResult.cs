using System.Text.Json.Nodes;

namespace Afina.Data.Reading;

/// <summary>What stood at one place of a file: a row, or why there is none.</summary>
/// <param name="Columns">The row, or null.</param>
/// <param name="Line">The line on which it begins, from 1.</param>
/// <param name="Problem">Why there is no row, and what to do about it.</param>
internal readonly record struct ReadResult(JsonObject? Columns, int Line, string? Problem)
{
    public static ReadResult Good(JsonObject columns, int line) => new(columns, line, null);

    public static ReadResult Bad(int line, string problem) => new(null, line, problem);
}

using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Afina.Data;
using Afina.Data.Preparation;
using Afina.Formats;

namespace Afina.Evaluation;

/// <summary>Rows of prompt and completion in plain text as chat turns, so that a chat model is asked as it will be asked later.</summary>
internal static class ChatRows
{
    private static readonly JsonSerializerOptions Written = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the rows of a file as prompt and completion in turns.</summary>
    /// <returns>The answers of the rows.</returns>
    /// <exception cref="InvalidDataException">A row cannot be used; one line names it.</exception>
    public static IReadOnlyList<string> Write(string from, string to)
    {
        var rows = RowSet.Load(new DataSource(from)).Rows.Select(row => EvaluationRow.Of(row, new PreparationOptions(), hasTemplate: true, chat: true)).ToList();
        if (rows.FirstOrDefault(row => row.Answer is null || row.Prompt is not JsonArray) is { } other)
            throw other.Source.Refuse("this row has no prompt and completion");
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        AtomicFile.Write(to, stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
            foreach (var row in rows)
                writer.WriteLine(row.With(row.Answer!, []).Columns.ToJsonString(Written));
        });
        return [.. rows.Select(row => row.Answer!)];
    }
}

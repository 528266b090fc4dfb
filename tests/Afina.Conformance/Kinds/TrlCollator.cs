using System.Text.Json;
using Afina.Data;

namespace Afina.Conformance.Kinds;

/// <summary>Lays rows out as TRL's collators do, padded to a rectangle, to compare with what they returned; Afina itself never pads.</summary>
internal sealed class TrlCollator(JsonElement batch, Check check, string where, int pad, int multiple)
{
    /// <summary>Compares rows padded on the right: ids, labels (if returned) and masks, whose names begin with <paramref name="prefix"/>.</summary>
    public void Padded(IReadOnlyList<TokenizedExample> rows, string prefix = "")
    {
        var longest = rows.Max(row => row.Tokens.Length);
        var width = (longest + multiple - 1) / multiple * multiple;
        Compare(prefix + "input_ids", rows, row => Fill(row.Tokens, width, pad));
        Compare(prefix + "labels", rows, row => Fill(row.Labels, width, TokenizedExample.NotTrained));
        Compare(prefix + "attention_mask", rows, row => Fill([.. row.Tokens.Select(_ => 1)], width, 0));
        Compare(prefix + "completion_mask", rows, row => Fill([.. row.Labels.Select(label => label == TokenizedExample.NotTrained ? 0 : 1)], width, 0));
    }

    /// <summary>Compares documents joined to one row: positions restart, the first label of each is masked, borders are cumulative.</summary>
    public void Joined(IReadOnlyList<(int[] Tokens, int[] Labels)> documents)
    {
        var total = documents.Sum(document => document.Tokens.Length);
        var width = (total + multiple - 1) / multiple * multiple;
        int[] labels = [.. documents.SelectMany(document => document.Labels.Select((label, i) => i == 0 ? TokenizedExample.NotTrained : label))];
        One("input_ids", Fill([.. documents.SelectMany(document => document.Tokens)], width, pad));
        One("labels", Fill(labels, width, TokenizedExample.NotTrained));
        One("position_ids", Fill([.. documents.SelectMany(document => Enumerable.Range(0, document.Tokens.Length))], width, 0));
        if (!batch.TryGetProperty("cu_seq_lens_q", out var borders) || width != total)
            return;
        var sum = 0;
        check.Same(RowsKind.Ints(borders), [0, .. documents.Select(document => sum += document.Tokens.Length)], where + " cu_seq_lens_q");
    }

    private void One(string name, int[] row)
    {
        check.Equal(1, batch.GetProperty(name).GetArrayLength(), $"{where} {name} rows");
        check.Same(RowsKind.Ints(batch.GetProperty(name)[0]), row, $"{where} {name}");
    }

    private void Compare(string name, IReadOnlyList<TokenizedExample> rows, Func<TokenizedExample, int[]> column)
    {
        if (!batch.TryGetProperty(name, out var expected))
            return;
        check.Equal(expected.GetArrayLength(), rows.Count, $"{where} {name} rows");
        for (var i = 0; i < Math.Min(rows.Count, expected.GetArrayLength()); i++)
            check.Same(RowsKind.Ints(expected[i]), column(rows[i]), $"{where} {name}[{i}]");
    }

    private static int[] Fill(int[] values, int width, int with) => [.. values, .. Enumerable.Repeat(with, width - values.Length)];
}

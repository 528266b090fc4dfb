using System.Text.Json;

namespace Afina.Conformance.Kinds;

/// <summary>Rows to tokens and labels, as TRL's trainers prepare, pack and batch them.</summary>
internal sealed class RowsKind : Kind
{
    /// <inheritdoc/>
    public override string Name => "rows";

    /// <inheritdoc/>
    public override void Run(Case @case, Check check)
    {
        var expected = @case.OwnJson(@case.Text("expected")!);
        if (!expected.TryGetProperty("refuses", out _))
        {
            Compare(@case, expected, check);
            return;
        }

        try
        {
            _ = new RowsRun(@case).Prepare();
            check.Fail("the data set is taken, where TRL refuses it");
        }
        catch (InvalidDataException refusal)
        {
            check.Equal(true, refusal.Message.Length > 0, "refuses");
        }
    }

    /// <summary>The numbers of a JSON list; true and false are 1 and 0.</summary>
    public static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(item => item.ValueKind switch
    {
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        _ => item.GetInt32(),
    })];

    private static void Compare(Case @case, JsonElement expected, Check check)
    {
        var run = new RowsRun(@case);
        check.Equal(expected.GetProperty("eos_token_id").GetInt32(), run.End, "eos_token_id");
        check.Equal(expected.GetProperty("pad_token_id").GetInt32(), run.Pad, "pad_token_id");
        var prepared = run.Prepare();
        if (expected.TryGetProperty("rows", out var rows))
            prepared.CompareRows(rows, check);
        if (expected.TryGetProperty("packed", out var packed))
            prepared.ComparePacked(packed, check);
        if (!expected.TryGetProperty("batches", out var batches))
            return;
        var number = 0;
        foreach (var batch in batches.EnumerateArray())
            prepared.CompareBatch(batch, Ints(batch.GetProperty("of")), new TrlCollator(batch, check, $"batch {number++}", run.Pad, run.Multiple), check);
    }
}

using System.Globalization;
using System.Text.Json.Nodes;
using Afina.Evaluation;
using Spectre.Console;

namespace Afina.Cli.Display;

/// <summary>Shows an evaluation: a table of base beside adapter, sample answers, and the same as JSON.</summary>
internal static class EvaluationDisplay
{
    /// <summary>The table of an evaluation.</summary>
    public static void Table(Screen screen, EvaluationReport report) => Table(screen, [("base", report.Base), .. report.Adapter is { } adapter ? [("adapter", adapter)] : Array.Empty<(string, ModelScore)>()], report.Comparison);

    /// <summary>A table with a column for each score.</summary>
    public static void Table(Screen screen, IReadOnlyList<(string Name, ModelScore Score)> columns, Comparison? comparison)
    {
        if (screen.IsQuiet)
            return;
        var ansi = screen.Ansi();
        if (ansi.Profile.Width < 16 + columns.Count * 20)
        {
            List(screen, columns);
            Difference(screen, comparison);
            return;
        }

        var narrow = ansi.Profile.Width < 30 + columns.Count * 26;
        var table = new Table().Border(TableBorder.Simple).AddColumn("");
        foreach (var (name, _) in columns)
            table.AddColumn(new TableColumn(Markup.Escape(name)).RightAligned());
        if (comparison is not null && !narrow)
            table.AddColumn(new TableColumn("difference").RightAligned());
        Row("exact match", score => score.ExactMatch, score => score.ExactMatchInterval, Percent, P(comparison?.ExactMatchP));
        Row("accuracy", score => score.Accuracy, score => score.AccuracyInterval, Percent, P(comparison?.AccuracyP));
        Row("accuracy per character", score => score.NormalizedAccuracy, score => score.NormalizedAccuracyInterval, Percent, "");
        Row("loss", score => score.Loss, score => score.LossInterval, Loss, Change(comparison));
        Row("perplexity", score => score.Perplexity, _ => null, Loss, "");
        ansi.Write(table);
        screen.Line($"  {columns[0].Score.Rows} rows{(columns[0].Score.Tokens > 0 ? $", {columns[0].Score.Tokens} tokens in the loss" : "")}; in brackets 95 % intervals{(comparison is null || narrow ? "" : "; p is McNemar's exact test on the same rows")}");
        if (narrow)
            Difference(screen, comparison);

        void Row(string name, Func<ModelScore, double?> value, Func<ModelScore, Interval?> interval, Func<double, string> format, string difference)
        {
            if (columns.All(column => value(column.Score) is null))
                return;
            List<string> cells = [name];
            foreach (var (_, score) in columns)
                cells.Add(value(score) is { } number ? format(number) + (interval(score) is { } ends ? $"{(narrow ? "\n" : " ")}({Bare(format(ends.Low))} to {Bare(format(ends.High))})" : "") : "-");
            if (comparison is not null && !narrow)
                cells.Add(difference);
            table.AddRow([.. cells.Select(cell => new Markup(Markup.Escape(cell)))]);
        }
    }

    /// <summary>The difference in a line, where the table has no room for its column.</summary>
    private static void Difference(Screen screen, Comparison? comparison)
    {
        if (comparison is null)
            return;
        string[] parts =
        [
            comparison.ExactMatchP is null ? "" : $"exact match {P(comparison.ExactMatchP)}",
            comparison.AccuracyP is null ? "" : $"accuracy {P(comparison.AccuracyP)}",
            comparison.LossDifference is null ? "" : $"loss {Change(comparison)}",
        ];
        screen.Line($"  difference on the same rows: {string.Join(", ", parts.Where(part => part.Length > 0))}{(comparison.ExactMatchP ?? comparison.AccuracyP) switch { null => "", _ => "; p is McNemar's exact test" }}");
    }

    private static string Change(Comparison? comparison) =>
        comparison?.LossDifference is var (value, interval) ? $"{value:+0.000;-0.000} ({interval.Low:+0.000;-0.000} to {interval.High:+0.000;-0.000})" : "";

    /// <summary>The same line by line, where a table would be too wide.</summary>
    private static void List(Screen screen, IReadOnlyList<(string Name, ModelScore Score)> columns)
    {
        foreach (var (name, score) in columns)
        {
            screen.Line($"  {name}");
            Figure("exact match", score.ExactMatch, score.ExactMatchInterval, Percent);
            Figure("accuracy", score.Accuracy, score.AccuracyInterval, Percent);
            Figure("per character", score.NormalizedAccuracy, score.NormalizedAccuracyInterval, Percent);
            Figure("loss", score.Loss, score.LossInterval, Loss);
        }

        screen.Line($"  ({columns[0].Score.Rows} rows; 95 % intervals)");

        void Figure(string name, double? value, Interval? interval, Func<double, string> format)
        {
            if (value is { } number)
                screen.Line($"    {name,-13} {format(number)}{(interval is { } ends ? $" ({Bare(format(ends.Low))}-{Bare(format(ends.High))})" : "")}");
        }
    }

    /// <summary>Rows with both answers.</summary>
    public static void Samples(Screen screen, IReadOnlyList<SampleAnswer> samples)
    {
        foreach (var sample in samples)
        {
            screen.Line();
            screen.Line($"  asked    {Short(LastLines(sample.Prompt), 300)}");
            screen.Line($"  wanted   {Short(sample.Wanted, 200)}");
            screen.Line($"  base     {Short(sample.Base, 200)}");
            if (sample.Adapter is { } adapter)
                screen.Line($"  adapter  {Short(adapter, 200)}{(adapter == sample.Wanted ? "  ✓" : "")}");
        }
    }

    /// <summary>A score as JSON.</summary>
    public static JsonObject Json(ModelScore score)
    {
        var json = new JsonObject
        {
            ["loss"] = Number(score.Loss),
            ["perplexity"] = Number(score.Perplexity),
            ["exact_match"] = Number(score.ExactMatch),
            ["accuracy"] = Number(score.Accuracy),
            ["rows"] = score.Rows,
            ["tokens"] = score.Tokens,
            ["intervals"] = new JsonObject
            {
                ["loss"] = Ends(score.LossInterval),
                ["exact_match"] = Ends(score.ExactMatchInterval),
                ["accuracy"] = Ends(score.AccuracyInterval),
            },
        };
        if (score.NormalizedAccuracy is not null)
        {
            json["accuracy_norm"] = Number(score.NormalizedAccuracy);
            json["intervals"]!["accuracy_norm"] = Ends(score.NormalizedAccuracyInterval);
        }

        return json;
    }

    /// <summary>An evaluation as JSON.</summary>
    public static JsonObject Json(EvaluationReport report) => new()
    {
        ["base"] = Json(report.Base),
        ["adapter"] = report.Adapter is { } adapter ? Json(adapter) : null,
        ["difference"] = report.Comparison is not { } comparison ? null : new JsonObject
        {
            ["loss"] = Number(comparison.LossDifference?.Value),
            ["loss_interval"] = Ends(comparison.LossDifference?.Interval),
            ["exact_match_p"] = Number(comparison.ExactMatchP),
            ["accuracy_p"] = Number(comparison.AccuracyP),
        },
        ["labels"] = new JsonArray([.. report.Labels.Select(label => (JsonNode)label)]),
        ["samples"] = Json(report.Samples),
    };

    /// <summary>Sample answers as JSON.</summary>
    public static JsonArray Json(IReadOnlyList<SampleAnswer> samples) =>
        new([.. samples.Select(sample => (JsonNode)new JsonObject { ["prompt"] = sample.Prompt, ["wanted"] = sample.Wanted, ["base"] = sample.Base, ["adapter"] = sample.Adapter })]);

    private static string Percent(double value) => (value * 100).ToString("0.#", CultureInfo.InvariantCulture) + " %";

    private static string Loss(double value) => value.ToString(value >= 100 ? "0.0" : "0.0000", CultureInfo.InvariantCulture);

    private static string Bare(string text) => text.Replace(" %", "", StringComparison.Ordinal);

    private static string P(double? value) => value is { } p ? p < 0.0001 ? "p < 0.0001" : $"p = {p:0.0000}" : "";

    private static JsonNode? Number(double? value) => value is { } number && double.IsFinite(number) ? number : null;

    private static JsonArray? Ends(Interval? interval) => interval is { } ends ? new JsonArray(Number(ends.Low), Number(ends.High)) : null;

    /// <summary>Instructions come first and are the same in every row: the end of a prompt says more.</summary>
    private static string LastLines(string prompt)
    {
        var lines = prompt.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return string.Join(" / ", lines.Length > 2 ? lines[^2..] : lines);
    }

    private static string Short(string text, int most)
    {
        var line = OneLine.Of(text);
        return line.Length > most ? line[..most] + " ..." : line;
    }
}

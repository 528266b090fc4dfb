using System.Text.Json;
using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>Makes training examples of rows for supervised fine-tuning.</summary>
internal sealed class SupervisedPreparation(RowEncoder encoder, PreparationOptions options)
{
    private readonly RowTokens _tokens = new(encoder, options);
    private readonly Checks _checks = new(encoder, options);
    private readonly RowByRow _rows = new(options.SkipBadRows);

    /// <summary>Prepares rows; a row that is left out is null. What is noticed goes to <paramref name="findings"/>.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="named">Their format, or null to look at them.</param>
    /// <param name="findings">Where to put what is noticed.</param>
    /// <param name="packs">Whether the rows will be packed as TRL does, which cuts them itself.</param>
    /// <exception cref="InvalidDataException">A row, or the set as a whole, cannot be used.</exception>
    public IReadOnlyList<TokenizedExample?> Prepare(IReadOnlyList<Row> rows, RowFormat? named, ICollection<Finding> findings, bool packs = false)
    {
        if (rows.Count == 0)
            return [];
        return options.Rules == PreparationRules.Trl
            ? AsTrl(rows, packs)
            : _rows.Run(rows, findings, row => Prepare(row, named, findings));
    }

    /// <summary>Afina's rules, for one row.</summary>
    private TokenizedExample? Prepare(Row original, RowFormat? named, ICollection<Finding> findings)
    {
        var row = RowStandard.Of(original, named, options, encoder.HasTemplate);
        if (row.Columns.ContainsKey("chosen"))
            throw row.Refuse("rows with chosen and rejected answers are for preference training: set rl=dpo, or write the chosen answer as completion");
        if (row.Columns.ContainsKey("label") && row.Columns.ContainsKey("completion"))
            throw row.Refuse("rows with prompt, completion and label are for kto: choose it, or leave the label out");
        if (row.Columns.ContainsKey("input_ids"))
            return Finish(row, Tokenized(row, completionOnly: options.CompletionOnlyLoss ?? true), findings);

        var conversational = RowFormats.IsConversational(row.Columns);
        var paired = row.Columns.ContainsKey("completion");
        if (!conversational)
            row.Columns[paired ? "completion" : "text"] = _tokens.WithEnd(row, row.Columns[paired ? "completion" : "text"]);
        // Of a completion with turns of others, too, only the assistant's are trained.
        var othersSpeak = !paired || (row.Columns["completion"] as JsonArray ?? []).Any(message => message!["role"]!.GetValue<string>() != "assistant");
        var assistantOnly = options.AssistantOnlyLoss ?? (conversational && othersSpeak && options.CompletionOnlyLoss != false);
        var completionOnly = paired && (options.CompletionOnlyLoss ?? true);
        var example = Encode(row, "text", completionOnly, assistantOnly, findings);
        _checks.Beginning(row, example.Tokens, findings);
        if (assistantOnly || completionOnly || !conversational)
            _checks.EndOfTurn(row, example, findings);
        return Finish(row, example, findings);
    }

    private TokenizedExample? Finish(Row row, TokenizedExample example, ICollection<Finding> findings)
    {
        var cut = example.Cut(options.MaxLength, options.KeepEnd);
        if (!_checks.Length(row, example.Tokens.Length, findings, $"; {example.TrainedTokens - cut.TrainedTokens} of {example.TrainedTokens} trained tokens are lost"))
            return null;
        if (cut.TrainedTokens > 0)
            return cut;
        findings.Add(new Finding(FindingKind.NothingTrained, row.File, row.Line, example.TrainedTokens > 0
            ? "nothing that would be trained is left after the cut: the row is left out"
            : "no token of the row would be trained: the row is left out"));
        return null;
    }

    /// <summary>TRL's rules: the first row speaks for all.</summary>
    private List<TokenizedExample?> AsTrl(IReadOnlyList<Row> rows, bool packs)
    {
        var first = rows[0];
        var completionOnly = options.CompletionOnlyLoss ?? (first.Columns.ContainsKey("prompt") && first.Columns.ContainsKey("completion"));
        var assistantOnly = options.AssistantOnlyLoss ?? false;
        if (assistantOnly && !RowFormats.IsConversational(first.Columns))
            throw first.Refuse("loss on the assistant's turns alone needs conversations, which these rows are not");
        if (assistantOnly && !encoder.HasGeneration)
            throw first.Refuse("loss on the assistant's turns alone needs a chat template with {% generation %} marks, which the model's does not have");
        if (options.Alpaca is not null && options.CompletionOnlyLoss == true)
            throw first.Refuse("rows written as one text have no completion to train alone");

        var tokenized = first.Columns.ContainsKey("input_ids");
        var standard = tokenized ? rows : [.. rows.Select(row => Renamed(row, IsFromValue(first)))];
        var conversational = RowFormats.IsConversational(standard[0].Columns);
        var examples = new List<TokenizedExample?>();
        foreach (var row in standard)
        {
            var example = tokenized ? Tokenized(row, completionOnly) : Encode(conversational ? row : WithEnd(row), options.TextField, completionOnly, assistantOnly, null);
            var cut = packs ? example : example.Cut(options.MaxLength, options.KeepEnd);
            var dropped = !packs && options.MaxLength is not null && cut.Labels.All(label => label == TokenizedExample.NotTrained);
            examples.Add(dropped ? null : cut);
        }

        return examples;
    }

    private static bool IsFromValue(Row row) => row.Columns["conversations"] is JsonArray { Count: > 0 } list
        && list[0] is JsonObject message && message.ContainsKey("from") && message.ContainsKey("value");

    private Row Renamed(Row row, bool fromValue)
    {
        var columns = (JsonObject)row.Columns.DeepClone();
        if (options.Alpaca is { } format)
        {
            var (prompt, answer) = format.Split(row);
            columns["text"] = prompt + answer;
        }

        if (!fromValue)
            return row with { Columns = columns };
        foreach (var name in (string[])["prompt", "completion", "chosen", "rejected", "messages", "conversations"])
        {
            if (columns[name] is JsonArray list)
                columns[name] = Conversations.Renamed(list);
        }

        columns["messages"] = columns["conversations"]?.DeepClone();
        columns.Remove("conversations");
        return row with { Columns = columns };
    }

    private Row WithEnd(Row row)
    {
        var name = row.Columns.ContainsKey(options.TextField) ? options.TextField : "completion";
        if (row.Columns.TryGetPropertyValue(name, out var text))
            row.Columns[name] = _tokens.WithEnd(row, text);
        return row;
    }

    private TokenizedExample Encode(Row row, string textField, bool completionOnly, bool assistantOnly, ICollection<Finding>? findings)
    {
        var columns = row.Columns;
        EncodedChat encoded;
        var from = 0;
        if (columns.TryGetPropertyValue("prompt", out var prompt))
        {
            var alone = _tokens.Encode(row, prompt, generationPrompt: prompt is JsonArray).Tokens;
            encoded = _tokens.Joint(row, prompt, columns["completion"], assistantOnly);
            from = alone.AsSpan().CommonPrefixLength(encoded.Tokens);
            if (from < alone.Length && findings is not null)
                _checks.Boundary(row, alone.Length - from, findings);
        }
        else
        {
            encoded = _tokens.Encode(row, columns[RowFormats.IsConversational(columns) ? "messages" : textField], generationPrompt: false, assistantOnly);
        }

        bool[]? assistant = null;
        if (assistantOnly && RowFormats.IsConversational(columns))
        {
            if (options.Rules == PreparationRules.Afina)
                encoded = encoded with { Spans = TurnWeights.Trained(row, encoded.Spans) };
            assistant = options.Rules == PreparationRules.Trl ? AssistantMask.AsTransformers(encoded) : AssistantMask.Covering(encoded);
            if (!assistant.Contains(true))
                throw row.Refuse("no token of the row was written by the assistant, so nothing would be trained: delete the row, or train on all of it");
        }

        var labels = (int[])encoded.Tokens.Clone();
        for (var i = 0; i < labels.Length; i++)
        {
            if ((completionOnly && i < from) || (assistant is not null && !assistant[i]))
                labels[i] = TokenizedExample.NotTrained;
        }

        return new TokenizedExample(encoded.Tokens, labels, row.File, row.Line);
    }

    private TokenizedExample Tokenized(Row row, bool completionOnly)
    {
        var tokens = Numbers(row, "input_ids") ?? throw row.Refuse("column 'input_ids' is missing");
        if (tokens.FirstOrDefault(token => token < 0 || token >= encoder.VocabularySize, -1) is var wrong && tokens.Contains(wrong))
            throw row.Refuse($"column 'input_ids' has the token {wrong}, but the model's go from 0 to {encoder.VocabularySize - 1}: the row was made with another tokenizer");
        var labels = Numbers(row, "labels");
        if (labels is null)
        {
            labels = (int[])tokens.Clone();
            foreach (var mask in (int[]?[])[completionOnly ? Numbers(row, "completion_mask") : null, Numbers(row, "assistant_masks")])
            {
                if (mask is not null && mask.Length != tokens.Length)
                    throw row.Refuse($"the mask has {mask.Length} numbers, but input_ids has {tokens.Length}");
                for (var i = 0; mask is not null && i < mask.Length; i++)
                    labels[i] = mask[i] == 0 ? TokenizedExample.NotTrained : labels[i];
            }
        }

        if (labels.Any(label => label != TokenizedExample.NotTrained && (label < 0 || label >= encoder.VocabularySize)))
            throw row.Refuse($"column 'labels' has a number that is neither a token nor {TokenizedExample.NotTrained}");
        return labels.Length == tokens.Length
            ? new TokenizedExample(tokens, labels, row.File, row.Line)
            : throw row.Refuse($"labels has {labels.Length} numbers, but input_ids has {tokens.Length}");
    }

    private static int[]? Numbers(Row row, string column)
    {
        if (row.Columns[column] is not { } value)
            return null;
        if (value is not JsonArray list || list.Any(item => item?.GetValueKind() is not (JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False)))
            throw row.Refuse($"column '{column}' must be a list of whole numbers");
        return [.. list.Select(item => item!.GetValueKind() switch
        {
            JsonValueKind.True => 1,
            JsonValueKind.False => 0,
            _ when item.AsValue().TryGetValue<int>(out var number) => number,
            _ => throw row.Refuse($"column '{column}' must be a list of whole numbers"),
        })];
    }
}

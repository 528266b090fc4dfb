using System.Text.Json;
using System.Text.Json.Nodes;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Data.Preparation;
using Afina.Text.Tokenizers;

namespace Afina.Conformance.Kinds;

/// <summary>What TRL's trainer does with the rows of one case.</summary>
internal sealed class RowsRun
{
    private readonly string _trainer;
    private readonly JsonElement _options;
    private readonly RowEncoder _encoder;
    private readonly PreparationOptions _preparation;
    private readonly Row[] _rows;

    public RowsRun(Case @case)
    {
        _trainer = @case.Text("trainer")!;
        _options = @case.Json.GetProperty("options");
        _rows = [.. JsonNode.Parse(File.ReadAllBytes(@case.Own(@case.Text("rows")!)))!.AsArray().Select((row, i) => new Row(row!.AsObject(), "rows.json", i))];
        var formatting = @case.Json.TryGetProperty("formatting", out var format)
            ? new AlpacaFormat(format.GetProperty("with_input").GetString()!, format.GetProperty("without_input").GetString()!)
            : null;
        _preparation = new PreparationOptions
        {
            Rules = PreparationRules.Trl,
            MaxLength = Option("max_length", out var length) ? length?.GetInt32() : 1024,
            KeepEnd = Text("truncation_mode") == "keep_end",
            CompletionOnlyLoss = Option("completion_only_loss", out var completion) ? completion?.GetBoolean() : null,
            AssistantOnlyLoss = Flag("assistant_only_loss"),
            TextField = Text("dataset_text_field") ?? "text",
            Alpaca = formatting,
        };
        Multiple = Option("pad_to_multiple_of", out var multiple) ? multiple?.GetInt32() ?? 1 : 1;
        BatchSize = Option("per_device_train_batch_size", out var size) ? size?.GetInt32() ?? 8 : 8;
        var tokenizer = Tokenizer.Load(@case.Resolve(@case.Text("model")!));
        var encoder = new ChatEncoder(tokenizer, new ChatEncoderOptions { Template = Template(@case, "chat_template"), EndText = Text("eos_token") });
        if (_preparation.AssistantOnlyLoss == true && !encoder.HasGeneration && Template(@case, "training_template") is { } training)
            encoder = new ChatEncoder(tokenizer, new ChatEncoderOptions { Template = training, EndText = Text("eos_token") });
        _encoder = encoder;
        End = encoder.EndToken ?? -1;
        Pad = Text("pad_token") is { } pad ? tokenizer.IdOf(pad) ?? throw new InvalidDataException($"pad_token '{pad}' is not in the vocabulary") : tokenizer.PadId ?? End;
    }

    public int End { get; }

    public int Pad { get; }

    public int Multiple { get; }

    private int BatchSize { get; }

    private bool Packs => Flag("packing") == true;

    private RowPackingStrategy Strategy => Text("packing_strategy") switch
    {
        null or "bfd" => RowPackingStrategy.Bfd,
        "bfd_split" => RowPackingStrategy.BfdSplit,
        "wrapped" => RowPackingStrategy.Wrapped,
        var other => throw new InvalidDataException($"there is no packing strategy '{other}'"),
    };

    /// <summary>Prepares the rows.</summary>
    /// <exception cref="InvalidDataException">TRL's rules refuse them.</exception>
    public PreparedRows Prepare()
    {
        if (Text("truncation_mode") is not (null or "keep_start" or "keep_end"))
            throw new InvalidDataException("there is no such truncation mode");
        var findings = new List<Finding>();
        switch (_trainer)
        {
            case "SFT":
                if (Flag("padding_free") == true && !Packs && _preparation.MaxLength is not null)
                    throw new InvalidDataException("without packing, padding-free rows are not cut: leave max_length out");
                if (Packs && _preparation.MaxLength is null)
                    throw new InvalidDataException("packing needs a max_length");
                var examples = new SupervisedPreparation(_encoder, _preparation).Prepare(_rows, null, findings, Packs);
                var packed = Packs ? RowPacking.Pack([.. examples.OfType<TokenizedExample>()], _preparation.MaxLength!.Value, Strategy) : [];
                return new SupervisedRows(examples, packed, joined: Flag("padding_free") == true || (Packs && Strategy != RowPackingStrategy.Wrapped));
            case "DPO":
                return new PreferenceRows(new PreferencePreparation(_encoder, _preparation).Prepare(_rows, null, findings), _preparation);
            case "KTO":
                var mixes = Text("loss_type") is null or "kto";
                if (mixes && BatchSize < 2)
                    throw new InvalidDataException("the KL estimate needs batches of at least two");
                var answers = new UnpairedPreparation(_encoder, _preparation).Prepare(_rows, null, findings);
                return new UnpairedRows(answers, mixes ? BatchSize : 0, _preparation);
            default:
                throw new NotSupportedCase($"trainer {_trainer}");
        }
    }

    private static string? Template(Case @case, string field) => @case.Text(field) is { } path ? File.ReadAllText(@case.Resolve(path)) : null;

    private bool Option(string name, out JsonElement? value)
    {
        var there = _options.TryGetProperty(name, out var found);
        value = there && found.ValueKind != JsonValueKind.Null ? found : null;
        return there;
    }

    private string? Text(string name) => Option(name, out var value) ? value?.GetString() : null;

    private bool? Flag(string name) => Option(name, out var value) ? value?.GetBoolean() : null;
}

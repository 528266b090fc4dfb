using Afina.Text.Tokenizers.Models;

namespace Afina.Text.Tokenizers.Gguf;

/// <summary>What a token of a GGUF file is.</summary>
internal enum GgufTokenType
{
    Undefined,
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

/// <summary>The tokenizer that a GGUF file's metadata describes (the <c>tokenizer.ggml.*</c> keys, as llama.cpp reads them).</summary>
internal sealed class GgufVocabulary
{
    // Ends of a turn that llama.cpp treats as control tokens whatever type the file gives them.
    private static readonly HashSet<string> ControlByName = new(StringComparer.Ordinal)
    {
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<EOT>", "_<EOT>", "[EOT]", "<｜end▁of▁sentence｜>",
        "<end_of_utterance>", "<|eom_id|>",
    };

    private readonly IReadOnlyDictionary<string, object> _metadata;
    private readonly int[] _types;
    private readonly float[] _scores;

    public GgufVocabulary(IReadOnlyDictionary<string, object> metadata)
    {
        _metadata = metadata;
        Model = Text("tokenizer.ggml.model") ?? throw new InvalidDataException("the file has no tokenizer (tokenizer.ggml.model is missing)");
        if (Model is not ("gpt2" or "llama"))
            throw new InvalidDataException($"tokenizer.ggml.model \"{Model}\" is not supported; \"gpt2\" (byte pairs) and \"llama\" (SentencePiece) are");
        Tokens = ReadTokens();
        _types = Numbers<int>("tokenizer.ggml.token_type", value => value) ?? [];
        _scores = Numbers<float>("tokenizer.ggml.scores", value => value) ?? [];
        Require(_types.Length, "tokenizer.ggml.token_type");
        Require(_scores.Length, "tokenizer.ggml.scores");
        PreType = IsBytePair ? GgufPreType.Find(Text("tokenizer.ggml.pre")) : new GgufPreType([], AddBos: true);
    }

    /// <summary>"gpt2" or "llama".</summary>
    public string Model { get; }

    public bool IsBytePair => Model == "gpt2";

    public GgufPreType PreType { get; }

    public IReadOnlyList<string> Tokens { get; }

    public bool AddSpacePrefix => Flag("tokenizer.ggml.add_space_prefix", !IsBytePair) && !IsBytePair;

    public string? Bos => Special("bos", IsBytePair ? null : 1);

    public string? Eos => Special("eos", IsBytePair ? null : 2);

    public string? Unknown => Special("unknown", IsBytePair ? null : 0);

    public string? Pad => Special("padding", null);

    public bool AddBos => Flag("tokenizer.ggml.add_bos_token", PreType.AddBos) && Bos is not null;

    public bool AddEos => Flag("tokenizer.ggml.add_eos_token", false) && Eos is not null;

    public string? ChatTemplate => Text("tokenizer.chat_template");

    /// <summary>Phi-3's special tokens swallow the white space behind them, which the format cannot say.</summary>
    public bool StripsRight(string token) =>
        (Text("general.name") ?? "").ToLowerInvariant() is var name && (name.Contains("phi-3") || name.Contains("phi3")) && token is not ("<unk>" or "<s>" or "<|endoftext|>");

    public GgufTokenType TypeOf(int id)
    {
        if (ControlByName.Contains(Tokens[id]))
            return GgufTokenType.Control;
        return _types.Length == 0 ? GgufTokenType.Normal : _types[id] is >= 0 and <= 6 and var type ? (GgufTokenType)type : GgufTokenType.Undefined;
    }

    public float ScoreOf(int id) => _scores.Length == 0 ? 0 : _scores[id];

    /// <summary>The merges of a byte-pair vocabulary, the first of equal ones only.</summary>
    public IEnumerable<(string Left, string Right)> Merges()
    {
        if (Find("tokenizer.ggml.merges") is not string[] merges)
            throw new InvalidDataException("tokenizer.ggml.merges is missing or no list of strings, so byte pairs cannot be merged");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var rank = 0; rank < merges.Length; rank++)
        {
            var space = merges[rank].Length > 1 ? merges[rank].IndexOf(' ', 1) : -1;
            if (space < 0)
                throw new InvalidDataException($"tokenizer.ggml.merges: merge {rank} is not two tokens");
            if (seen.Add(merges[rank]))
                yield return (merges[rank][..space], merges[rank][(space + 1)..]);
        }
    }

    private string[] ReadTokens()
    {
        if (Find("tokenizer.ggml.tokens") is not string[] { Length: > 0 } tokens)
            throw new InvalidDataException("tokenizer.ggml.tokens is missing or no list of strings");
        if (tokens.Length > Vocabulary.IdLimit)
            throw new InvalidDataException($"tokenizer.ggml.tokens has {tokens.Length} tokens; at most {Vocabulary.IdLimit} are supported");
        var names = tokens.Select((token, id) => token.Length > 0 ? token : $"[EMPTY_{id}]").ToArray();
        var ids = new Dictionary<string, int>(names.Length, StringComparer.Ordinal);
        for (var id = 0; id < names.Length; id++)
        {
            if (!ids.TryAdd(names[id], id))
                throw new InvalidDataException($"tokenizer.ggml.tokens: \"{Vocabulary.Shown(names[id])}\" stands at {ids[names[id]]} and at {id}");
        }

        return names;
    }

    private void Require(int length, string key)
    {
        if (length != 0 && length < Tokens.Count)
            throw new InvalidDataException($"{key} has {length} entries for {Tokens.Count} tokens");
    }

    private string? Special(string name, int? otherwise)
    {
        var id = Find($"tokenizer.ggml.{name}_token_id") switch
        {
            uint value when value <= int.MaxValue => (int)value,
            int value => value,
            long value when value is >= 0 and <= int.MaxValue => (int)value,
            ulong value when value <= int.MaxValue => (int)value,
            _ => otherwise,
        };
        return id is { } found && (uint)found < (uint)Tokens.Count ? Tokens[found] : null;
    }

    private bool Flag(string key, bool otherwise) => Find(key) switch
    {
        null => otherwise,
        bool value => value,
        _ => throw new InvalidDataException($"{key} must be true or false"),
    };

    private string? Text(string key) => Find(key) switch
    {
        null => null,
        string value => value,
        _ => throw new InvalidDataException($"{key} must be a string"),
    };

    private T[]? Numbers<T>(string key, Func<int, T> convert) => Find(key) switch
    {
        null => null,
        T[] values => values,
        int[] values => Array.ConvertAll(values, value => convert(value)),
        _ => throw new InvalidDataException($"{key} must be a list of numbers"),
    };

    private object? Find(string key) => _metadata.GetValueOrDefault(key);
}

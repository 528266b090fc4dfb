using System.Text;
using System.Text.Json;
using Afina.Text.Tokenizers.Models;
using Afina.Text.Tokenizers.Normalizers;
using Afina.Text.Tokenizers.PostProcessors;
using Afina.Text.Tokenizers.PreTokenizers;
using Decoder = Afina.Text.Tokenizers.Decoders.Decoder;

namespace Afina.Text.Tokenizers;

/// <summary>What a tokenizer.json describes: added tokens, normalizer, pre-tokenizer, model, truncation, post-processor, padding, decoder.</summary>
internal sealed class TokenizerPipeline : ITokenization
{
    private readonly Normalizer? _normalizer;
    private readonly PreTokenizer? _preTokenizer;
    private readonly Model _model;
    private readonly PostProcessor? _postProcessor;
    private readonly Decoder? _decoder;
    private readonly Truncation? _truncation;
    private readonly Padding? _padding;

    /// <summary>Reads the file's root object. Throws <see cref="InvalidDataException"/> for what is missing, unknown or not valid.</summary>
    public TokenizerPipeline(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("the file must hold one JSON object");
        if (json.Text("version", "1.0") is not "1.0" and var version)
            throw new InvalidDataException($"version \"{version}\" is not known; \"1.0\" is");
        _normalizer = json.Optional("normalizer") is { } normalizer ? Normalizer.Read(normalizer) : null;
        _preTokenizer = json.Optional("pre_tokenizer") is { } preTokenizer ? PreTokenizer.Read(preTokenizer) : null;
        _model = Model.Read(json.Required("model"));
        _postProcessor = json.Optional("post_processor") is { } postProcessor ? PostProcessor.Read(postProcessor) : null;
        _decoder = json.Optional("decoder") is { } decoder ? Decoder.Read(decoder) : null;
        _truncation = Truncation.Read(json.Optional("truncation"));
        _padding = Padding.Read(json.Optional("padding"));
        Added = new AddedVocabulary(_model.Vocabulary, _normalizer);
        if (json.Optional("added_tokens") is not null)
            Added.Add(json.Items("added_tokens").Select(AddedToken.Read));
    }

    public AddedVocabulary Added { get; }

    public Vocabulary Vocabulary => _model.Vocabulary;

    public bool CleansUp => _model is not BytePairModel;

    public List<TokenSpan> Encode(string text, bool addSpecialTokens, bool parseSpecialTokens, bool offsets, Truncation? instead = null)
    {
        var tracked = offsets || _preTokenizer is { NeedsAlignment: true };
        var output = new List<TokenSpan>(text.Length / 3 + 8);
        var buffer = new List<ModelToken>();
        var found = new List<(int Id, int Start, int End)>();
        Added.Find(text, normalized: false, parseSpecialTokens, found);
        var last = 0;
        foreach (var (id, start, end) in found.ToArray())
        {
            if (start > last)
                EncodePart(text.AsSpan(last, start - last), last, tracked, parseSpecialTokens, found, buffer, output);
            output.Add(new TokenSpan(id, start, end, offsets ? text[start..end] : null));
            last = end;
        }

        if (last < text.Length)
            EncodePart(text.AsSpan(last), last, tracked, parseSpecialTokens, found, buffer, output);
        (instead ?? _truncation)?.Apply(output, addSpecialTokens ? _postProcessor?.Added ?? 0 : 0);
        if (offsets)
            ToCodePoints(text, output);
        _postProcessor?.Apply(output, addSpecialTokens, Vocabulary.TokenOf);
        if (instead is null)
            _padding?.Apply(output);
        return output;
    }

    private static void ToCodePoints(string text, List<TokenSpan> tokens)
    {
        var index = new CodePointIndex(text);
        for (var i = 0; i < tokens.Count; i++)
            tokens[i] = tokens[i] with { Start = index.ToPoints(tokens[i].Start), End = index.ToPoints(tokens[i].End) };
    }

    private void EncodePart(
        ReadOnlySpan<char> part, int origin, bool tracked, bool parseSpecial, List<(int Id, int Start, int End)> found, List<ModelToken> buffer, List<TokenSpan> output)
    {
        var text = new AlignedText(part, origin, tracked);
        if (_normalizer is not null)
            text = _normalizer.Apply(text);
        Added.Find(text.Span, normalized: true, parseSpecial, found);
        var last = 0;
        foreach (var (id, start, end) in found)
        {
            EncodePieces(text, last, start, buffer, output);
            output.Add(tracked
                ? new TokenSpan(id, text.StartOf(start), text.EndOf(end - 1), text.Span[start..end].ToString())
                : new TokenSpan(id, 0, 0));
            last = end;
        }

        EncodePieces(text, last, text.Length, buffer, output);
    }

    private void EncodePieces(AlignedText text, int start, int end, List<ModelToken> buffer, List<TokenSpan> output)
    {
        if (start >= end)
            return;
        var pieces = new Pieces(text, start, end);
        _preTokenizer?.Apply(pieces);
        foreach (var range in pieces.Ranges)
        {
            buffer.Clear();
            _model.Tokenize(pieces.Of(range), buffer);
            if (pieces.Text.Tracked)
                AddSpans(pieces.Text, range, buffer, output);
            else
                buffer.ForEach(token => output.Add(new TokenSpan(token.Id, 0, 0)));
        }
    }

    /// <summary>From bytes of the piece to the original text; a token that covers a part of a character gets the whole of it.</summary>
    private static void AddSpans(AlignedText text, (int Start, int End) piece, List<ModelToken> tokens, List<TokenSpan> output)
    {
        var (unit, bytes) = (piece.Start, 0);
        foreach (var token in tokens)
        {
            while (bytes > token.Start || unit == piece.End)
            {
                // Only where tokens share bytes (a character spelled by several).
                unit -= unit - 1 > piece.Start && char.IsSurrogatePair(text.Span[unit - 2], text.Span[unit - 1]) ? 2 : 1;
                bytes -= Width(text.Span[unit..piece.End], out _);
            }

            while (bytes + Width(text.Span[unit..piece.End], out var units) is var next && next <= token.Start && unit + units < piece.End)
                (unit, bytes) = (unit + units, next);
            var from = unit;
            while (bytes < token.End && unit < piece.End)
            {
                bytes += Width(text.Span[unit..piece.End], out var units2);
                unit += units2;
            }

            output.Add(new TokenSpan(token.Id, text.StartOf(from), text.EndOf(Math.Max(unit - 1, from))));
        }
    }

    private static int Width(ReadOnlySpan<char> text, out int units)
    {
        if (text[0] < 0x80)
        {
            units = 1;
            return 1;
        }

        Rune.DecodeFromUtf16(text, out var rune, out units);
        return rune.Utf8SequenceLength;
    }

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var tokens = new List<string>(ids.Length);
        foreach (var id in ids)
        {
            if ((Added.DecodedFormOf(id) ?? Vocabulary.TokenOf(id)) is { } token && !(skipSpecialTokens && Added.IsSpecial(token)))
                tokens.Add(token);
        }

        return _decoder is null ? string.Join(' ', tokens) : tokens.Count == 0 ? "" : string.Concat(_decoder.Apply(tokens));
    }
}

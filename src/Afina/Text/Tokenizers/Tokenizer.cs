using System.Text.Json;
using Afina.Formats;
using Afina.Text.Tokenizers.Decoders;
using Afina.Text.Tokenizers.Gguf;

namespace Afina.Text.Tokenizers;

/// <summary>Text to token ids and back, exactly as Hugging Face's tokenizers (a tokenizer.json) or llama.cpp (a GGUF file) has it. Safe to use from many threads.</summary>
public sealed class Tokenizer
{
    private readonly ITokenization _tokenization;
    private readonly TokenizerSettings _settings;
    private readonly TokenizerFiles _files;

    private Tokenizer(ITokenization tokenization, TokenizerSettings settings, TokenizerFiles files)
    {
        _tokenization = tokenization;
        _settings = settings;
        _files = files;
    }

    /// <summary>Reads a folder that holds tokenizer.json, or such a file, and the configuration beside it.</summary>
    /// <exception cref="InvalidDataException">The files are missing, damaged or hold what is not supported; one line says what.</exception>
    public static Tokenizer Load(string folderOrTokenizerJson)
    {
        var path = Directory.Exists(folderOrTokenizerJson) ? Path.Combine(folderOrTokenizerJson, "tokenizer.json") : folderOrTokenizerJson;
        if (!File.Exists(path))
            throw new InvalidDataException($"no tokenizer.json in \"{Path.GetFileName(Path.TrimEndingDirectorySeparator(folderOrTokenizerJson))}\"");
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var settings = TokenizerSettings.Read(folder);
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 128 });
            var pipeline = new TokenizerPipeline(document.RootElement);
            AddMissing(pipeline.Added, settings);
            return new Tokenizer(pipeline, settings, TokenizerFiles.Copy(path));
        }
        catch (JsonException error)
        {
            throw Refusal.For($"{Path.GetFileName(path)} is not valid JSON (line {error.LineNumber + 1})");
        }
        catch (InvalidDataException error)
        {
            throw Refusal.For($"{Path.GetFileName(path)}: {error.Message}");
        }
        catch (InvalidOperationException)
        {
            // A JSON string with half a surrogate pair cannot be read as text.
            throw Refusal.For($"{Path.GetFileName(path)} holds a string that is no valid Unicode");
        }
    }

    /// <summary>The tokenizer that a GGUF file's metadata describes (<c>tokenizer.ggml.model</c> "gpt2" or "llama"), as llama.cpp has it.</summary>
    /// <param name="metadata">Keys and values: numbers and truth values boxed in their own type, strings, arrays of these.</param>
    /// <exception cref="InvalidDataException">The metadata has no tokenizer, or one that is damaged or not supported; one line says what.</exception>
    public static Tokenizer FromGguf(IReadOnlyDictionary<string, object> metadata)
    {
        var vocabulary = new GgufVocabulary(metadata);
        var settings = new TokenizerSettings
        {
            Bos = Special(vocabulary.Bos),
            Eos = Special(vocabulary.Eos),
            Pad = Special(vocabulary.Pad),
            Unk = Special(vocabulary.Unknown),
            ChatTemplate = vocabulary.ChatTemplate,
        };
        using var document = JsonDocument.Parse(new GgufTokenizerWriter(vocabulary).TokenizerJson());
        return new Tokenizer(new TokenizerPipeline(document.RootElement), settings, TokenizerFiles.Of(vocabulary));

        static AddedToken? Special(string? token) => token is null ? null : new AddedToken(token, Normalized: false, Special: true);
    }

    /// <summary>Tokens that only the configuration has follow at the end, as transformers adds them.</summary>
    private static void AddMissing(AddedVocabulary added, TokenizerSettings settings)
    {
        var named = new[] { settings.Bos, settings.Eos, settings.Unk, settings.Pad }.OfType<AddedToken>();
        added.AddMissing(settings.Decoder.Concat(named).Concat(settings.Extra));
    }

    /// <summary>The ids of a text. With <paramref name="addSpecialTokens"/> what the tokenizer puts around a text is added (and a truncation and a padding
    /// that the file turns on count it in); without <paramref name="parseSpecialTokens"/> special tokens in the text are plain text.</summary>
    public int[] Encode(string text, bool addSpecialTokens = true, bool parseSpecialTokens = true)
    {
        var tokens = EncodeTokens(text, addSpecialTokens, parseSpecialTokens, offsets: false);
        var ids = new int[tokens.Count];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = tokens[i].Id;
        return ids;
    }

    /// <summary>As <see cref="Encode"/>, with the part of the text that each token stands for.</summary>
    public EncodedText EncodeWithOffsets(string text, bool addSpecialTokens = true, bool parseSpecialTokens = true)
    {
        var tokens = EncodeTokens(text, addSpecialTokens, parseSpecialTokens, offsets: true);
        var index = new CodePointIndex(text);
        return new EncodedText(
            tokens.ConvertAll(token => token.Id),
            tokens.ConvertAll(token => (token.Start, token.End)),
            tokens.ConvertAll(token => (index.ToUnits(token.Start), index.ToUnits(token.End))));
    }

    /// <summary>As <see cref="Encode"/>, cut to at most so many tokens, special ones counted in; what the file says about truncation and padding is set aside.</summary>
    public int[] EncodeTruncated(string text, int maxLength, bool fromLeft = false, bool addSpecialTokens = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxLength);
        var tokens = _tokenization.Encode(WellFormed(text), addSpecialTokens, !_settings.SplitSpecialTokens, offsets: false, new Truncation(maxLength, fromLeft));
        return [.. tokens.Select(token => token.Id)];
    }

    private List<TokenSpan> EncodeTokens(string text, bool addSpecialTokens, bool parseSpecialTokens, bool offsets)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _tokenization.Encode(WellFormed(text), addSpecialTokens, parseSpecialTokens && !_settings.SplitSpecialTokens, offsets);
    }

    /// <summary>Half surrogate pairs are no text; each becomes U+FFFD.</summary>
    private static string WellFormed(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return text;
        return string.Create(text.Length, text, (output, input) =>
        {
            input.CopyTo(output);
            for (var i = 0; i < output.Length; i++)
            {
                if (i + 1 < output.Length && char.IsSurrogatePair(output[i], output[i + 1]))
                    i++;
                else if (char.IsSurrogate(output[i]))
                    output[i] = '\uFFFD';
            }
        });
    }

    /// <summary>The text of ids; ids without a token are left out.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <param name="cleanUpSpaces">Whether spaces before punctuation go (see <see cref="CleanUpTokenizationSpaces"/>).</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false, bool cleanUpSpaces = false)
    {
        var text = _tokenization.Decode(ids, skipSpecialTokens);
        return cleanUpSpaces ? SpaceCleaning.Apply(text, shortenDoNot: false) : text;
    }

    /// <summary>A decoder for tokens that come one by one.</summary>
    public IncrementalDetokenizer CreateDetokenizer(bool skipSpecialTokens) => new(this, skipSpecialTokens);

    /// <summary>The id of a token, or null.</summary>
    public int? IdOf(string token)
    {
        var added = _tokenization.Added.IdOf(token);
        return added >= 0 ? added : _tokenization.Vocabulary.IdOf(token) is >= 0 and var id ? id : null;
    }

    /// <summary>The token of an id as the vocabulary spells it, or null.</summary>
    public string? TokenOf(int id) => _tokenization.Added.TokenOf(id)?.Content ?? _tokenization.Vocabulary.TokenOf(id);

    /// <summary>One more than the largest id.</summary>
    public int VocabularySize => Math.Max(_tokenization.Vocabulary.Size, _tokenization.Added.Size);

    /// <summary>Whether the id is of a special token (one that decoding can leave out).</summary>
    public bool IsSpecial(int id) => _tokenization.Added.TokenOf(id) is { Special: true };

    /// <summary>Whether the id is of a token that is found in the text before the model sees it.</summary>
    public bool IsAdded(int id) => _tokenization.Added.TokenOf(id) is not null;

    /// <summary>The token that begins a text, or null.</summary>
    public string? BosToken => _settings.Bos?.Content;

    /// <summary>The token that ends a text, or null.</summary>
    public string? EosToken => _settings.Eos?.Content;

    /// <summary>The token that fills rows up, or null.</summary>
    public string? PadToken => _settings.Pad?.Content;

    /// <summary>The token of what is unknown, or null.</summary>
    public string? UnkToken => _settings.Unk?.Content;

    /// <summary>The id of <see cref="BosToken"/>.</summary>
    public int? BosId => BosToken is { } token ? IdOf(token) : null;

    /// <summary>The id of <see cref="EosToken"/>.</summary>
    public int? EosId => EosToken is { } token ? IdOf(token) : null;

    /// <summary>The id of <see cref="PadToken"/>.</summary>
    public int? PadId => PadToken is { } token ? IdOf(token) : null;

    /// <summary>The id of <see cref="UnkToken"/>.</summary>
    public int? UnkId => UnkToken is { } token ? IdOf(token) : null;

    /// <summary>Whether decoded text is to be cleaned up: the configuration asks for it and the model is none of byte pairs, for which current
    /// transformers does not do it.</summary>
    public bool CleanUpTokenizationSpaces => _settings.CleanUpSpaces && _tokenization.CleansUp;

    /// <summary>The chat template (Jinja), or null.</summary>
    public string? ChatTemplateSource => _settings.ChatTemplate;

    /// <summary>Writes tokenizer.json and the files beside it into a folder: copies of what was read, or what says the same as the GGUF metadata.</summary>
    public void Save(string folder) => _files.Save(folder);
}

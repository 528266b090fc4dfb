namespace Afina.Generation.Sampling;

/// <summary>How the next token is chosen, under the names of transformers' <c>generate()</c>; every default switches its step off. (The
/// library default <c>top_k</c> of <c>generate()</c> itself, 50, holds only where a model's generation_config.json leaves it out.)</summary>
public sealed record SamplingOptions
{
    /// <summary>Draw by probability; false takes the most probable token.</summary>
    public bool DoSample { get; init; }

    /// <summary>Divides the logits; below 0.00001 the most probable token is taken.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Keeps the k most probable tokens and those equal to the last of them; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>Keeps the fewest most probable tokens that together reach this probability.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Keeps tokens of at least this share of the highest probability.</summary>
    public double MinP { get; init; }

    /// <summary>Keeps the tokens whose surprise is nearest to the entropy, up to this probability.</summary>
    public double TypicalP { get; init; } = 1;

    /// <summary>Removes tokens of a lower probability.</summary>
    public double EpsilonCutoff { get; init; }

    /// <summary>Removes tokens below min(η, √η·e^−entropy).</summary>
    public double EtaCutoff { get; init; }

    /// <summary>Keeps most probable tokens (of the first hundred) until they hold this share of the entropy; null keeps all.</summary>
    public double? TopH { get; init; }

    /// <summary>Gives log-probabilities instead of logits as scores.</summary>
    public bool RenormalizeLogits { get; init; }

    /// <summary>Divides (multiplies where negative) the logit of every token seen in the prompt or answer.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>Subtracted from the logit of every token of the answer so far (an addition of the OpenAI API).</summary>
    public float PresencePenalty { get; init; }

    /// <summary>Subtracted once for every time that the token occurs in the answer so far (an addition of the OpenAI API).</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>No run of this many tokens occurs twice; 0 allows all.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Added to the logit of a sequence's last token when the tokens before it are there.</summary>
    public IReadOnlyList<SequenceBias> SequenceBias { get; init; } = [];

    /// <summary>Sequences that must not be completed.</summary>
    public IReadOnlyList<int[]> BadWordsIds { get; init; } = [];

    /// <summary>The sequence, prompt included, does not end before this length.</summary>
    public int MinLength { get; init; }

    /// <summary>The answer does not end before this length.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>The length, prompt included, at which the sequence ends.</summary>
    public int? MaxLength { get; init; }

    /// <summary>The length at which the answer ends; wins over <see cref="MaxLength"/>.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>The tokens that end the answer.</summary>
    public IReadOnlyList<int> EosTokenId { get; init; } = [];

    /// <summary>The token after a prompt of one token.</summary>
    public int? ForcedBosTokenId { get; init; }

    /// <summary>The tokens of which one ends a sequence that reaches its greatest length.</summary>
    public IReadOnlyList<int> ForcedEosTokenId { get; init; } = [];

    /// <summary>Makes the end of the sequence more probable with every token after <c>Start</c> new ones.</summary>
    public LengthPenalty? ExponentialDecayLengthPenalty { get; init; }

    /// <summary>Tokens that are never chosen.</summary>
    public IReadOnlyList<int> SuppressTokens { get; init; } = [];

    /// <summary>Tokens that do not begin the answer.</summary>
    public IReadOnlyList<int> BeginSuppressTokens { get; init; } = [];

    /// <summary>Replaces NaN by 0 and infinities by the greatest finite values.</summary>
    public bool RemoveInvalidValues { get; init; }

    /// <summary>True where no probability matters: the best token is taken.</summary>
    internal bool Greedy => !DoSample || Temperature < 1e-5f;

    /// <summary>Refuses values that have no meaning.</summary>
    /// <exception cref="FormatException">With the option, its value and what it can be.</exception>
    public void Validate(int vocabulary)
    {
        Require(float.IsFinite(Temperature) && Temperature >= 0, "temperature", Temperature, "at least 0");
        Require(TopK >= 0, "top_k", TopK, "at least 0 (0 is off)");
        Require(TopP is > 0 and <= 1, "top_p", TopP, "above 0 and at most 1");
        Require(MinP is >= 0 and <= 1, "min_p", MinP, "from 0 to 1");
        Require(TypicalP is > 0 and <= 1, "typical_p", TypicalP, "above 0 and at most 1");
        Require(EpsilonCutoff is >= 0 and < 1, "epsilon_cutoff", EpsilonCutoff, "at least 0 and below 1");
        Require(EtaCutoff is >= 0 and < 1, "eta_cutoff", EtaCutoff, "at least 0 and below 1");
        Require(TopH is null or (> 0 and <= 1), "top_h", TopH, "above 0 and at most 1");
        Require(float.IsFinite(RepetitionPenalty) && RepetitionPenalty > 0, "repetition_penalty", RepetitionPenalty, "above 0");
        Require(float.IsFinite(PresencePenalty), "presence_penalty", PresencePenalty, "a number");
        Require(float.IsFinite(FrequencyPenalty), "frequency_penalty", FrequencyPenalty, "a number");
        Require(NoRepeatNgramSize >= 0, "no_repeat_ngram_size", NoRepeatNgramSize, "at least 0 (0 is off)");
        Require(ExponentialDecayLengthPenalty is null or { Factor: > 0 and < double.PositiveInfinity }, "exponential_decay_length_penalty", ExponentialDecayLengthPenalty, "a start and a factor above 0");
        Tokens("eos_token_id", EosTokenId, vocabulary);
        Tokens("forced_eos_token_id", ForcedEosTokenId, vocabulary);
        Tokens("forced_bos_token_id", ForcedBosTokenId is { } first ? [first] : [], vocabulary);
        Tokens("suppress_tokens", SuppressTokens, vocabulary);
        Tokens("begin_suppress_tokens", BeginSuppressTokens, vocabulary);
        foreach (var bias in SequenceBias)
        {
            Require(bias.Tokens.Length > 0, "sequence_bias", "an empty sequence", "a sequence of at least one token");
            Require(!float.IsNaN(bias.Bias), "sequence_bias", bias.Bias, "a number");
            Tokens("sequence_bias", bias.Tokens, vocabulary);
        }

        foreach (var words in BadWordsIds)
        {
            Require(words.Length > 0, "bad_words_ids", "an empty sequence", "a sequence of at least one token");
            Tokens("bad_words_ids", words, vocabulary);
        }
    }

    private static void Tokens(string name, IReadOnlyList<int> ids, int vocabulary)
    {
        foreach (var id in ids)
            Require(id >= 0 && id < vocabulary, name, id, $"a token of the vocabulary, 0 to {vocabulary - 1}");
    }

    private static void Require(bool holds, string name, object? value, string what)
    {
        if (!holds)
            throw new FormatException(FormattableString.Invariant($"{name} must be {what}, not {value}"));
    }
}

/// <summary>A number added to the logit of the last of <paramref name="Tokens"/> when the others precede it.</summary>
public sealed record SequenceBias(int[] Tokens, float Bias);

/// <summary>After <paramref name="Start"/> new tokens the end gains |logit|·(Factor^n − 1) at the n-th further one.</summary>
public sealed record LengthPenalty(int Start, double Factor);

using Afina.Generation.Sampling.Processors;
using Afina.Generation.Sampling.Warpers;

namespace Afina.Generation.Sampling;

/// <summary>The steps that a request's options switch on, in the order of transformers' <c>generate()</c>.</summary>
internal sealed class LogitsPipeline
{
    private readonly LogitsStep[] _steps;

    private LogitsPipeline(LogitsStep[] steps) => _steps = steps;

    /// <summary>True where no step changes anything.</summary>
    public bool IsEmpty => _steps.Length == 0;

    /// <summary>The steps for these options; <paramref name="custom"/> ones (a grammar's mask) come before the warpers.</summary>
    /// <exception cref="FormatException">An option has a value without meaning.</exception>
    public static LogitsPipeline Create(SamplingOptions options, int vocabulary, params IEnumerable<LogitsStep> custom)
    {
        options.Validate(vocabulary);
        var steps = new List<LogitsStep>();
        var eos = options.EosTokenId.ToArray();

        if (options.SequenceBias.Count > 0)
            steps.Add(new SequenceBiasStep(options.SequenceBias));
        if (options.RepetitionPenalty != 1)
            steps.Add(new RepetitionPenalty(options.RepetitionPenalty));
        if (options.PresencePenalty != 0 || options.FrequencyPenalty != 0)
            steps.Add(new AnswerPenalties(options.PresencePenalty, options.FrequencyPenalty));
        if (options.NoRepeatNgramSize > 0)
            steps.Add(new NoRepeatNgram(options.NoRepeatNgramSize));
        if (options.BadWordsIds.Count > 0)
            steps.Add(SequenceBiasStep.BadWords(options.BadWordsIds, eos));
        if (options.MinLength > 0 && eos.Length > 0)
            steps.Add(new MinimumLength(options.MinLength, eos, countsPrompt: true));
        if (options.MinNewTokens > 0 && eos.Length > 0)
            steps.Add(new MinimumLength(options.MinNewTokens, eos, countsPrompt: false));
        if (options.ForcedBosTokenId is { } bos)
            steps.Add(new ForcedFirstToken(bos));
        if (options.ForcedEosTokenId.Count > 0 && (options.MaxNewTokens ?? options.MaxLength) is not null)
            steps.Add(new ForcedLastToken([.. options.ForcedEosTokenId], options.MaxLength, options.MaxNewTokens));
        if (options.RemoveInvalidValues)
            steps.Add(new RemoveInvalidValues());
        if (options.ExponentialDecayLengthPenalty is { } penalty && eos.Length > 0)
            steps.Add(new ExponentialDecay(penalty, eos));
        if (options.SuppressTokens.Count > 0)
            steps.Add(new SuppressTokens([.. options.SuppressTokens]));
        if (options.BeginSuppressTokens.Count > 0)
            steps.Add(new SuppressFirstTokens([.. options.BeginSuppressTokens], options.ForcedBosTokenId is not null));
        steps.AddRange(custom);
        if (!options.Greedy)
            AddWarpers(options, steps);
        if (options.RenormalizeLogits)
            steps.Add(new Renormalize());
        return new LogitsPipeline([.. steps]);
    }

    /// <summary>Turns a row of logits into scores, in place.</summary>
    public void Apply(Span<float> logits, in TokenHistory history, SamplingWorkspace workspace)
    {
        foreach (var step in _steps)
            step.Apply(logits, history, workspace);
    }

    /// <summary>The probabilities that scores stand for.</summary>
    public static void Probabilities(ReadOnlySpan<float> scores, Span<float> probabilities)
    {
        var softmax = Softmax.Of(scores);
        for (var i = 0; i < scores.Length; i++)
            probabilities[i] = (float)softmax.Probability(scores[i]);
    }

    private static void AddWarpers(SamplingOptions options, List<LogitsStep> steps)
    {
        if (options.Temperature != 1)
            steps.Add(new Temperature(options.Temperature));
        if (options.TopH is { } share)
            steps.Add(new TopH(share));
        if (options.TopK > 0)
            steps.Add(new TopK(options.TopK));
        if (options.TopP < 1)
            steps.Add(new TopP(options.TopP));
        if (options.MinP > 0)
            steps.Add(new MinP(options.MinP));
        if (options.TypicalP < 1)
            steps.Add(new TypicalP(options.TypicalP));
        if (options.EpsilonCutoff > 0)
            steps.Add(new Cutoff(options.EpsilonCutoff, byEntropy: false));
        if (options.EtaCutoff > 0)
            steps.Add(new Cutoff(options.EtaCutoff, byEntropy: true));
    }
}

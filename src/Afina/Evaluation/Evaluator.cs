using Afina.Adapters;
using Afina.Data.Packing;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Runs;

namespace Afina.Evaluation;

/// <summary>Something that an evaluation is doing.</summary>
/// <param name="What">In a few words.</param>
/// <param name="Share">How much of it is done.</param>
public readonly record struct EvaluationProgress(string What, double Share);

/// <summary>Measures models on rows: loss, exact match, accuracy over labels, multiple choice.</summary>
public sealed class Evaluator : IDisposable
{
    private const int LeastNewTokens = 12;

    private readonly LoadedModel _model;
    private readonly DType _type;
    private readonly Backend _backend = Backends.Default();
    private readonly Team _team;
    private readonly bool _ownsTeam;

    /// <summary>Prepares to measure a model.</summary>
    /// <param name="threads">Threads.</param>
    /// <param name="bf16">Whether activations are bf16; null: where the processor multiplies it.</param>
    public Evaluator(LoadedModel model, int threads, bool? bf16 = null)
        : this(model, bf16 ?? Backends.HasBf16 ? DType.BF16 : DType.F32, new Team(threads)) => _ownsTeam = true;

    internal Evaluator(LoadedModel model, DType type, Team team) => (_model, _type, _team) = (model, type, team);

    /// <summary>Bytes that cached keys and values may take while answers are generated.</summary>
    internal long CacheBytes { get; init; } = long.MaxValue;

    /// <summary>Measures the base and, if one is given, an adapter of it, on the same rows.</summary>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file cannot be used; one line says why.</exception>
    public EvaluationReport Run(EvaluationOptions options, string? adapter = null, Action<EvaluationProgress>? progress = null, CancellationToken cancellation = default)
    {
        var loaded = adapter is null ? null : Lora.Load(_model.Decoder, adapter).Adapter;
        // Both are asked as the adapter was trained, so that only the weights differ.
        var task = EvaluationTask.Load(options, AdapterBase.Tokenizer(adapter) ?? _model.Tokenizer);
        var before = Measure(task, null, options, "base", progress, cancellation);
        var after = loaded is null ? null : Measure(task, loaded, options, "adapter", progress, cancellation);
        return Report(task, before, after, options.Samples);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ownsTeam)
            _team.Dispose();
    }

    internal static EvaluationReport Report(EvaluationTask task, ModelScore before, ModelScore? after, int samples) =>
        new(before, after, after is null ? null : Comparison.Of(before, after), Samples(task, before, after, samples), task.Labels);

    /// <summary>Measures one model on a task.</summary>
    internal ModelScore Measure(EvaluationTask task, Adapter? adapter, EvaluationOptions options, string name, Action<EvaluationProgress>? progress, CancellationToken cancellation)
    {
        Action<double>? Tell(string what) => progress is null ? null : share => progress(new EvaluationProgress($"{name}: {what}", share));
        var scorer = new Scorer(_model.Decoder, adapter, _type, _backend, _team);
        var score = new ModelScore { Rows = Math.Max(task.Answers.Count, task.Choices.Count) };
        if (task.Answers.Count > 0)
        {
            double[] losses = [.. scorer.Score(task.Answers, Tell("loss"), cancellation).Select(sum => -sum)];
            int[] tokens = [.. task.Answers.Select(answer => answer.Targets.Count)];
            score = score with
            {
                Tokens = tokens.Sum(),
                Loss = losses.Sum() / tokens.Sum(),
                LossInterval = Statistics.Bootstrap(losses, tokens),
                RowLosses = losses,
                RowTokens = tokens,
            };
        }

        if (options.Generate && task.Prompts.Count > 0 && task.Prompts.Count == task.Answers.Count)
        {
            var most = options.MaxNewTokens ?? Math.Max(LeastNewTokens, task.LongestAnswer + 2);
            var answers = new GreedyAnswers(_model.Decoder, adapter, _type, _backend, _team) { CacheBytes = CacheBytes }.Answer(task.Prompts, most, _model.Tokenizer, _model.EndTokens, Tell("answers"), cancellation);
            bool[] exact = [.. answers.Select((answer, i) => answer == task.Wanted[i])];
            score = score with { Answers = answers, Exact = exact, ExactMatch = Share(exact), ExactMatchInterval = Wilson(exact) };
        }

        return task.Choices.Count > 0 ? Choose(score, task, scorer, Tell(task.IsMultipleChoice ? "choices" : "labels"), cancellation) : score;
    }

    private static ModelScore Choose(ModelScore score, EvaluationTask task, Scorer scorer, Action<double>? progress, CancellationToken cancellation)
    {
        Sequence[] all = [.. task.Choices.SelectMany(choices => choices.Select(choice => choice.Tokens))];
        var sums = scorer.Score(all, progress, cancellation);
        var (right, normalized) = (new bool[task.Choices.Count], new bool[task.Choices.Count]);
        var at = 0;
        for (var row = 0; row < right.Length; row++)
        {
            var choices = task.Choices[row];
            var (best, bestNormalized) = (0, 0);
            for (var i = 1; i < choices.Length; i++)
            {
                best = sums[at + i] > sums[at + best] ? i : best;
                bestNormalized = sums[at + i] / choices[i].Characters > sums[at + bestNormalized] / choices[bestNormalized].Characters ? i : bestNormalized;
            }

            (right[row], normalized[row]) = (best == task.Right[row], bestNormalized == task.Right[row]);
            at += choices.Length;
        }

        score = score with { Accuracy = Share(right), AccuracyInterval = Wilson(right), Right = right };
        return !task.IsMultipleChoice ? score
            : score with { NormalizedAccuracy = Share(normalized), NormalizedAccuracyInterval = Wilson(normalized), NormalizedRight = normalized };
    }

    private static SampleAnswer[] Samples(EvaluationTask task, ModelScore before, ModelScore? after, int count)
    {
        if (before.Answers.Count == 0)
            return [];
        // Spread over the rows, so that sorted files show more than one answer.
        var step = Math.Max(1, before.Answers.Count / Math.Max(count, 1));
        return [.. Enumerable.Range(0, before.Answers.Count).Where(row => row % step == 0).Take(count)
            .Select(row => new SampleAnswer(task.Questions[row], task.Wanted[row], before.Answers[row], after?.Answers[row]))];
    }

    private static double Share(bool[] values) => (double)values.Count(value => value) / values.Length;

    private static Interval Wilson(bool[] values) => Statistics.Wilson(values.Count(value => value), values.Length);
}

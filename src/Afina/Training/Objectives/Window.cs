using Afina.Data.Packing;

namespace Afina.Training.Objectives;

/// <summary>Examples whose losses make one number: those of a step, or those held out; with what was measured of them so far.</summary>
/// <remarks>How they are cut into micro-steps is the packer's choice and changes no number here but for rounding. The micro-batches that a
/// recipe asks for are known too, since preference losses are means over these of their own means, as TRL has it.</remarks>
public sealed class Window
{
    private readonly int _microBatchSize;
    private readonly int[] _firstSequence;
    private readonly OrderedDictionary<string, double> _metrics = new(StringComparer.Ordinal);

    /// <summary>Opens a window.</summary>
    /// <param name="examples">The examples, in the order in which they are seen.</param>
    /// <param name="microBatchSize">Examples of a micro-batch; the last one may have fewer.</param>
    /// <param name="isHeldOut">Whether they are only measured.</param>
    public Window(IReadOnlyList<TrainingExample> examples, int microBatchSize, bool isHeldOut = false)
    {
        (Examples, _microBatchSize, IsHeldOut) = (examples, microBatchSize, isHeldOut);
        Sequences = [.. examples.SelectMany(example => example.Sequences)];
        ExampleOf = [.. examples.SelectMany((example, i) => Enumerable.Repeat(i, example.Sequences.Count))];
        _firstSequence = new int[examples.Count];
        for (var i = 1; i < examples.Count; i++)
            _firstSequence[i] = _firstSequence[i - 1] + examples[i - 1].Sequences.Count;
        Targets = Sequences.Sum(sequence => sequence.Targets.Count);
    }

    /// <summary>The examples.</summary>
    public IReadOnlyList<TrainingExample> Examples { get; }

    /// <summary>The sequences of all examples.</summary>
    public IReadOnlyList<Sequence> Sequences { get; }

    /// <summary>The example of each sequence.</summary>
    public IReadOnlyList<int> ExampleOf { get; }

    /// <summary>What the loss asks, over all examples.</summary>
    public int Targets { get; }

    /// <summary>Whether the examples are only measured.</summary>
    public bool IsHeldOut { get; }

    /// <summary>What was measured, by name, in the order in which it was first named.</summary>
    public IReadOnlyDictionary<string, double> Metrics => _metrics;

    /// <summary>A number that was measured; 0 where nothing was.</summary>
    public double this[string metric] => _metrics.GetValueOrDefault(metric);

    /// <summary>Adds a part of a number.</summary>
    public void Add(string metric, double value) => _metrics[metric] = this[metric] + value;

    /// <summary>The number of a sequence.</summary>
    /// <param name="example">Its example.</param>
    /// <param name="place">Its place among that example's.</param>
    public int SequenceOf(int example, int place) => _firstSequence[example] + place;

    /// <summary>What an example counts in a mean over the micro-batches of their means: an equal part of its micro-batch's equal part.</summary>
    /// <param name="example">The example.</param>
    /// <param name="size">How much of its micro-batch an example is; one each by default, or for example its tokens.</param>
    public double Share(int example, Func<TrainingExample, int>? size = null)
    {
        var first = example / _microBatchSize * _microBatchSize;
        var last = Math.Min(first + _microBatchSize, Examples.Count);
        var total = size is null ? last - first : Enumerable.Range(first, last - first).Sum(i => size(Examples[i]));
        return 1.0 / ((Examples.Count + _microBatchSize - 1) / _microBatchSize) / Math.Max(total, 1);
    }
}

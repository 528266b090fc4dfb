using Afina.Data.Packing;

namespace Afina.Training.Objectives;

/// <summary>The log-probabilities that the reference gives the targets of examples: each is computed once, since the reference stays as it is.</summary>
internal sealed class ReferenceScores
{
    private readonly int[] _first;

    /// <summary>Makes room.</summary>
    public ReferenceScores(IReadOnlyList<TrainingExample> examples)
    {
        _first = new int[examples.Count + 1];
        for (var i = 0; i < examples.Count; i++)
            _first[i + 1] = _first[i] + examples[i].Targets;
        Values = new float[_first[^1]];
        Values.AsSpan().Fill(float.NaN);
    }

    /// <summary>By example, sequence and position; NaN where it is not computed.</summary>
    public float[] Values { get; }

    /// <summary>Those of a micro-step's targets, computed where one is missing.</summary>
    /// <param name="window">The examples.</param>
    /// <param name="numbers">Their numbers among all.</param>
    /// <param name="batch">The micro-step.</param>
    /// <param name="compute">Runs the reference.</param>
    public float[] Of(Window window, IReadOnlyList<int> numbers, MicroBatch batch, Func<MicroBatch, float[]> compute)
    {
        var places = Places(window, numbers, batch);
        if (places.Any(place => float.IsNaN(Values[place])))
        {
            var made = compute(batch);
            for (var t = 0; t < places.Length; t++)
            {
                if (float.IsNaN(Values[places[t]]))
                    Values[places[t]] = made[t];
            }
        }

        return [.. places.Select(place => Values[place])];
    }

    /// <summary>The place of each target: those of a sequence come in the order of their positions.</summary>
    private int[] Places(Window window, IReadOnlyList<int> numbers, MicroBatch batch)
    {
        var next = new Dictionary<int, int>();
        var places = new int[batch.Targets.Length];
        for (var t = 0; t < places.Length; t++)
        {
            var owner = batch.Owners[t];
            if (!next.TryGetValue(owner, out var place))
            {
                var example = window.ExampleOf[owner];
                place = _first[numbers[example]];
                for (var before = window.SequenceOf(example, 0); before < owner; before++)
                    place += window.Sequences[before].Targets.Count;
            }

            places[t] = place;
            next[owner] = place + 1;
        }

        return places;
    }
}

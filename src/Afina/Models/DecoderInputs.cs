using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;

namespace Afina.Models;

/// <summary>The bound inputs of a decoder's programs and the buffers behind them: one batch of rows, segments and targets.</summary>
public sealed class DecoderInputs : IDisposable
{
    private readonly DecoderConfig _config;
    private readonly Counts _capacity;
    private int _frequenciesFor = -1;

    /// <summary>Allocates inputs for a capacity; a cache if <see cref="Counts.CachedRows"/> is above 0.</summary>
    /// <param name="type">Type of the activations.</param>
    /// <param name="hidden">Whether programs begin at the rows that enter a layer.</param>
    public DecoderInputs(DecoderConfig config, Counts capacity, DType type = DType.F32, bool hidden = false)
    {
        Hidden = hidden ? new Value("hidden", type, Dimension.Rows, config.HiddenSize, Residence.Bound) { GradientType = DTypesOf.Residual(type) } : null;
        (_config, _capacity) = (config, capacity);
        TargetWeights = new Value("target weights", type == DType.F64 ? DType.F64 : DType.F32, Dimension.Targets, 1, Residence.Bound);
        Frequencies = [.. config.Rotaries.Select((rotary, i) => new Value($"frequencies {i}", DType.F32, 1, rotary.Dim / 2, Residence.Bound))];
        var width = config.KeyValueHeads * config.HeadDim;
        Cache = capacity.CachedRows == 0 ? [] :
        [
            .. Enumerable.Range(0, config.Layers.Count).Select(layer =>
                (new Value($"cached keys {layer}", type, Dimension.CachedRows, width, Residence.Bound),
                 new Value($"cached values {layer}", type, Dimension.CachedRows, width, Residence.Bound))),
        ];
        foreach (var value in new[] { Tokens, Positions, Slots, Labelled, Segments, TargetTokens, TargetRows, TargetWeights })
            Buffers.Allocate(value, capacity);
        if (Hidden is not null)
            Buffers.Allocate(Hidden, capacity);
        foreach (var value in Frequencies)
            Buffers.Allocate(value, capacity);
        foreach (var (keys, values) in Cache)
        {
            Buffers.Allocate(keys, capacity);
            Buffers.Allocate(values, capacity);
        }
    }

    /// <summary>Tokens [rows, 1].</summary>
    public Value Tokens { get; } = new("tokens", DType.I32, Dimension.Rows, 1, Residence.Bound);

    /// <summary>Rows that enter a layer [rows, width], where a program begins there.</summary>
    public Value? Hidden { get; }

    /// <summary>Positions for the rotation [rows, 1].</summary>
    public Value Positions { get; } = new("positions", DType.I32, Dimension.Rows, 1, Residence.Bound);

    /// <summary>Rows of the cache to write [rows, 1]; negative: none.</summary>
    public Value Slots { get; } = new("slots", DType.I32, Dimension.Rows, 1, Residence.Bound);

    /// <summary>Numbers of the rows that have a target, ascending [labelled, 1].</summary>
    public Value Labelled { get; } = new("labelled", DType.I32, Dimension.LabelledRows, 1, Residence.Bound);

    /// <summary>Segments [segments, 6].</summary>
    public Value Segments { get; } = new("segments", DType.I32, Dimension.Segments, Segment.Fields, Residence.Bound);

    /// <summary>Tokens of the targets [targets, 1].</summary>
    public Value TargetTokens { get; } = new("target tokens", DType.I32, Dimension.Targets, 1, Residence.Bound);

    /// <summary>Places of the targets' rows among the labelled ones [targets, 1].</summary>
    public Value TargetRows { get; } = new("target rows", DType.I32, Dimension.Targets, 1, Residence.Bound);

    /// <summary>Weights of the targets [targets, 1].</summary>
    public Value TargetWeights { get; }

    /// <summary>Frequencies of each rotary embedding [1, half].</summary>
    public IReadOnlyList<Value> Frequencies { get; }

    /// <summary>Cached keys and values of each layer [cached, width].</summary>
    public IReadOnlyList<(Value Keys, Value Values)> Cache { get; }

    /// <summary>The buffers.</summary>
    public Bindings Buffers { get; } = new();

    /// <summary>The counts and positions of the batch that <see cref="Fill"/> wrote last.</summary>
    public Counts Counts { get; private set; }

    /// <summary>Writes a batch.</summary>
    /// <param name="tokens">A token for each row.</param>
    /// <param name="segments">Segments, parents before children; they cover rows that do not overlap.</param>
    /// <param name="targets">Targets in the order of their rows.</param>
    /// <param name="labelled">Rows whose logits are wanted beside those of the targets, ascending; usually none.</param>
    /// <param name="positions">Positions for the rotation where they are not those of the segments.</param>
    /// <exception cref="ArgumentException">Something does not fit.</exception>
    public Counts Fill(ReadOnlySpan<int> tokens, ReadOnlySpan<Segment> segments, ReadOnlySpan<Target> targets, ReadOnlySpan<int> labelled = default, ReadOnlySpan<int> positions = default)
    {
        if (tokens.Length > _capacity.Rows || segments.Length > _capacity.Segments || targets.Length > _capacity.Targets)
            throw new ArgumentException($"{tokens.Length} rows, {segments.Length} segments and {targets.Length} targets are more than the capacity of {_capacity.Rows}, {_capacity.Segments} and {_capacity.Targets}");
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)_config.VocabularySize)
                throw new ArgumentException($"token {token} is outside the vocabulary of {_config.VocabularySize}");
        }

        tokens.CopyTo(Ints(Tokens, tokens.Length));
        if (_capacity.CachedRows > 0)
            FillSlots(segments, tokens.Length);
        var longest = FillSegments(segments, tokens.Length, positions);
        var rows = FillTargets(targets, labelled, tokens.Length);
        if (_frequenciesFor < 0 || (_frequenciesFor != longest && _config.Rotaries.Any(rotary => rotary.DependsOnLength)))
        {
            for (var i = 0; i < Frequencies.Count; i++)
                _config.Rotaries[i].Frequencies(longest).CopyTo(Buffers[Frequencies[i]].Span<float>(Frequencies[i].Columns));
            _frequenciesFor = longest;
        }

        return Counts = new Counts { Rows = tokens.Length, Segments = segments.Length, Targets = targets.Length, LabelledRows = rows, CachedRows = _capacity.CachedRows };
    }

    /// <summary>Frees the buffers; no program may run on them any more.</summary>
    public void Dispose() => Buffers.Free();

    private int FillSegments(ReadOnlySpan<Segment> segments, int rows, ReadOnlySpan<int> positions)
    {
        var ints = Ints(Segments, segments.Length * Segment.Fields);
        var rotation = Ints(Positions, rows);
        var longest = 0;
        for (var i = 0; i < segments.Length; i++)
        {
            var segment = segments[i];
            if (segment.Start < 0 || segment.Length < 0 || segment.Start + segment.Length > rows || segment.Parent >= i
                || segment.CacheStart < 0 || segment.CacheLength < 0 || segment.CacheStart + segment.CacheLength > _capacity.CachedRows)
                throw new ArgumentException($"segment {i} {segment} does not fit {rows} rows");
            (ints[6 * i], ints[6 * i + 1], ints[6 * i + 2]) = (segment.Start, segment.Length, segment.Parent);
            (ints[6 * i + 3], ints[6 * i + 4], ints[6 * i + 5]) = (segment.FirstPosition, segment.CacheStart, segment.CacheLength);
            for (var r = 0; r < segment.Length; r++)
                rotation[segment.Start + r] = segment.FirstPosition + r;
            longest = Math.Max(longest, segment.FirstPosition + segment.Length);
        }

        if (positions.Length > 0)
        {
            positions.CopyTo(rotation);
            foreach (var position in positions)
                longest = Math.Max(longest, position + 1);
        }

        return longest;
    }

    /// <summary>With a cache, a segment's rows are stored behind the cached rows that it sees.</summary>
    private void FillSlots(ReadOnlySpan<Segment> segments, int rows)
    {
        var slots = Ints(Slots, rows);
        slots.Fill(-1);
        foreach (var segment in segments)
        {
            if (segment.CacheStart + segment.CacheLength + segment.Length > _capacity.CachedRows)
                throw new ArgumentException($"{segment} goes over the end of the cache of {_capacity.CachedRows} rows");
            for (var r = 0; r < segment.Length; r++)
                slots[segment.Start + r] = segment.CacheStart + segment.CacheLength + r;
        }
    }

    private int FillTargets(ReadOnlySpan<Target> targets, ReadOnlySpan<int> labelled, int rows)
    {
        var tokens = Ints(TargetTokens, targets.Length);
        var places = Ints(TargetRows, targets.Length);
        var chosen = Ints(Labelled, _capacity.LabelledRows);
        var count = 0;
        var (t, l, last) = (0, 0, -1);
        while (t < targets.Length || l < labelled.Length)
        {
            var row = Math.Min(t < targets.Length ? targets[t].Row : int.MaxValue, l < labelled.Length ? labelled[l] : int.MaxValue);
            if (row <= last || row >= rows)
                throw new ArgumentException(row >= rows ? $"row {row} of a target is outside the {rows} rows" : "targets and labelled rows must be in the order of their rows");
            if (count == chosen.Length)
                throw new ArgumentException($"more than {chosen.Length} rows have targets");
            chosen[count] = last = row;
            for (; t < targets.Length && targets[t].Row == row; t++)
            {
                if ((uint)targets[t].Token >= (uint)_config.VocabularySize)
                    throw new ArgumentException($"target {targets[t].Token} is outside the vocabulary of {_config.VocabularySize}");
                (tokens[t], places[t]) = (targets[t].Token, count);
                if (TargetWeights.Type == DType.F64)
                    Buffers[TargetWeights].Span<double>(targets.Length)[t] = targets[t].Weight;
                else
                    Buffers[TargetWeights].Span<float>(targets.Length)[t] = targets[t].Weight;
            }

            for (; l < labelled.Length && labelled[l] == row; l++)
            {
            }

            count++;
        }

        return count;
    }

    private Span<int> Ints(Value value, int count) => Buffers[value].Span<int>(count);
}

using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Execution;

/// <summary>How deep a recursive loop is, and how it goes one deeper.</summary>
internal sealed record Recursion(int Depth, Func<object?, object?> Next);

/// <summary>The <c>loop</c> of a for: it reads ahead only when asked.</summary>
internal sealed class LoopValue(long? length, IEnumerable<object?> source, Recursion? recursion) : Callable("loop"), IMembers
{
    private IEnumerator<object?> _source = source.GetEnumerator();
    private long? _length = length;
    private long _index = -1;
    private object? _previous = Undefined.Variable("loop.previtem");
    private object? _current;
    private object? _ahead;
    private bool _hasAhead;
    private object? _changed;
    private bool _changedOnce;

    /// <summary>The items, each becoming the current one.</summary>
    public IEnumerable<object?> Items()
    {
        while (PeekNext(out var item))
        {
            _hasAhead = false;
            _previous = _index < 0 ? _previous : _current;
            _index++;
            _current = item;
            yield return item;
        }
    }

    /// <summary><c>loop(items)</c>: the same loop over other items, in a recursive loop.</summary>
    public override object? Invoke(Arguments arguments)
    {
        if (recursion is null)
            throw new EngineException("the loop must have the 'recursive' marker to be called");
        var items = arguments.Required("iterable");
        arguments.End();
        return recursion.Next(items);
    }

    public bool TryMember(string name, out object? value)
    {
        value = name switch
        {
            "index" => _index + 1,
            "index0" => _index,
            "first" => _index == 0,
            "last" => !PeekNext(out _),
            "length" => Length(),
            "revindex" => Length() - _index,
            "revindex0" => Length() - _index - 1,
            "previtem" => _previous,
            "nextitem" => PeekNext(out var next) ? next : new Undefined("there is no next item"),
            "depth" => (long)(recursion?.Depth ?? 1),
            "depth0" => (long)(recursion?.Depth ?? 1) - 1,
            "cycle" => new Function(name, arguments => arguments.Positional.Length > 0
                ? arguments.Positional[_index % arguments.Positional.Length]
                : throw new EngineException("no items for cycling given")),
            "changed" => new Function(name, arguments => Changed(new TupleValue(arguments.Positional))),
            _ => Activation.Missing,
        };
        return value != Activation.Missing;
    }

    private bool PeekNext(out object? item)
    {
        if (!_hasAhead)
        {
            _hasAhead = _source.MoveNext();
            _ahead = _hasAhead ? _source.Current : null;
        }

        item = _ahead;
        return _hasAhead;
    }

    private long Length()
    {
        if (_length is { } known)
            return known;
        var rest = new List<object?>();
        while (PeekNext(out var item))
        {
            rest.Add(item);
            _hasAhead = false;
            Budget.Current.Spend(1);
        }

        _source = rest.GetEnumerator();
        _length = _index + 1 + rest.Count;
        return _length.Value;
    }

    private bool Changed(TupleValue value)
    {
        var changed = !_changedOnce || !Equality.Equal(_changed, value);
        (_changed, _changedOnce) = (value, true);
        return changed;
    }
}

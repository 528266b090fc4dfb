namespace Afina.Text.Templates.Values;

/// <summary>The arguments of one call; a function takes them in the order of its parameters, then calls <see cref="End"/>.</summary>
internal sealed class Arguments(string function, object?[] positional, List<KeyValuePair<string, object?>>? named = null)
{
    private int _taken;
    private int _namedTaken;

    /// <summary>The function as messages name it.</summary>
    public string Function => function;

    /// <summary>The arguments without a name.</summary>
    public object?[] Positional => positional;

    /// <summary>The arguments with a name.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Named => named ?? (IReadOnlyList<KeyValuePair<string, object?>>)[];

    /// <summary>The next parameter, which must be given.</summary>
    public object? Required(string name) =>
        TryTake(name, out var value) ? value : throw new EngineException($"{function} needs the argument '{name}'");

    /// <summary>The next parameter, or its default.</summary>
    public object? Optional(string name, object? fallback = null) => TryTake(name, out var value) ? value : fallback;

    /// <summary>The next parameter, if it is given.</summary>
    public bool TryTake(string name, out object? value)
    {
        var index = named?.FindIndex(item => item.Key == name) ?? -1;
        if (_taken < positional.Length)
        {
            if (index >= 0)
                throw new EngineException($"{function} got the argument '{name}' twice");
            value = positional[_taken++];
            return true;
        }

        _taken++;
        value = index >= 0 ? named![index].Value : null;
        _namedTaken += index >= 0 ? 1 : 0;
        return index >= 0;
    }

    /// <summary>The next parameter as text.</summary>
    public string RequiredText(string name) => Text(name, Required(name));

    /// <summary>The next parameter as text, or null if it is absent or None.</summary>
    public string? OptionalText(string name) => Optional(name) is { } value ? Text(name, value) : null;

    /// <summary>The next parameter as an int, or its default.</summary>
    public long OptionalInteger(string name, long fallback) => TryTake(name, out var value) ? Numbers.ToIndex(value) : fallback;

    /// <summary>The next parameter's truth, or its default.</summary>
    public bool OptionalTruth(string name, bool fallback) => TryTake(name, out var value) ? Kinds.Truth(value) : fallback;

    /// <summary>Refuses arguments that no parameter took.</summary>
    public void End()
    {
        if (_taken < positional.Length)
            throw new EngineException($"{function} takes at most {_taken} arguments, {positional.Length} given");
        if (named is not null && _namedTaken < named.Count)
            throw new EngineException($"{function} does not take all of the arguments named {string.Join(", ", named.Select(item => item.Key))}");
    }

    private string Text(string name, object? value) => Kinds.IsText(value, out var text)
        ? text
        : throw new EngineException($"{function}: the argument '{name}' must be str, not {Kinds.Name(Kinds.Defined(value))}");
}

namespace Afina.Text.Tokenizers;

/// <summary>Strings by their characters; each has a number.</summary>
internal sealed class CharTrie
{
    private readonly Dictionary<(int Node, char Next), int> _children = [];
    private readonly List<int> _values = [-1];

    /// <summary>Adds a string; one that is there already gets the new number.</summary>
    public void Add(string text, int value)
    {
        var node = 0;
        foreach (var c in text)
        {
            if (!_children.TryGetValue((node, c), out var next))
            {
                next = _values.Count;
                _values.Add(-1);
                _children[(node, c)] = next;
            }

            node = next;
        }

        _values[node] = value;
    }

    /// <summary>Goes one character further from a node (0: the root); false where no string goes on like this. <paramref name="value"/>: the
    /// number of the string that ends here, or -1.</summary>
    public bool Step(ref int node, char c, out int value)
    {
        if (!_children.TryGetValue((node, c), out node))
        {
            value = -1;
            return false;
        }

        value = _values[node];
        return true;
    }

    /// <summary>The longest string that the text begins with: its length and number, or (0, -1).</summary>
    public (int Length, int Value) Longest(ReadOnlySpan<char> text)
    {
        var (length, best, node) = (0, -1, 0);
        for (var at = 0; at < text.Length && Step(ref node, text[at], out var value); at++)
        {
            if (value >= 0)
                (length, best) = (at + 1, value);
        }

        return (length, best);
    }
}

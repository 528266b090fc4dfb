using System.Text;

namespace Afina.Text.Templates.Execution;

/// <summary>The text that is being written, and where generation blocks lie in it.</summary>
internal sealed class OutputBuffer
{
    private readonly StringBuilder _text = new();

    /// <summary>Start and end of each generation block, in UTF-16 units.</summary>
    public List<(int Start, int End)> Spans { get; } = [];

    public int Length => _text.Length;

    public void Append(string text)
    {
        _text.Append(text);
        Budget.Current.Grow(_text.Length, text.Length);
    }

    /// <summary>Appends text with spans of its own.</summary>
    public void Append(string text, IEnumerable<(int Start, int End)> spans)
    {
        foreach (var (start, end) in spans)
            Spans.Add((start + Length, end + Length));
        Append(text);
    }

    public override string ToString() => _text.ToString();
}

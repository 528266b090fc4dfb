namespace Afina.Text.Templates.Values;

/// <summary>The methods of str that search and split.</summary>
internal static partial class StringMethods
{
    private const string LineBreaks = "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029";

    private static List<object?> Split(string text, Arguments arguments, bool fromEnd)
    {
        var separator = arguments.OptionalText("sep");
        var limit = arguments.OptionalInteger("maxsplit", -1);
        arguments.End();
        if (separator?.Length == 0)
            throw new EngineException("empty separator");
        Budget.Current.SpendText(text.Length);
        var parts = separator is null ? SplitSpace(text, limit, fromEnd) : fromEnd ? SplitFromEnd(text, separator, limit) : SplitFromStart(text, separator, limit);
        Budget.Current.SpendItems(parts.Count);
        return parts;
    }

    private static List<object?> SplitFromStart(string text, string separator, long limit)
    {
        var parts = new List<object?>();
        var at = 0;
        for (int found; limit != 0 && (found = text.IndexOf(separator, at, StringComparison.Ordinal)) >= 0; limit--)
        {
            parts.Add(text[at..found]);
            at = found + separator.Length;
        }

        parts.Add(at == 0 ? text : text[at..]);
        return parts;
    }

    private static List<object?> SplitFromEnd(string text, string separator, long limit)
    {
        var parts = new List<object?>();
        var end = text.Length;
        for (int found; limit != 0 && (found = text.AsSpan(0, end).LastIndexOf(separator)) >= 0; limit--)
        {
            parts.Add(text[(found + separator.Length)..end]);
            end = found;
        }

        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    private static List<object?> SplitSpace(string text, long limit, bool fromEnd)
    {
        var words = new List<(int Start, int End)>();
        for (var i = 0; i < text.Length;)
        {
            while (i < text.Length && Characters.IsSpace(text[i]))
                i++;
            var start = i;
            while (i < text.Length && !Characters.IsSpace(text[i]))
                i++;
            if (i > start)
                words.Add((start, i));
        }

        if (limit < 0 || words.Count <= limit)
            return words.ConvertAll(word => (object?)text[word.Start..word.End]);
        if (fromEnd)
        {
            var first = words.Count - (int)limit;
            return [text[..words[first - 1].End], .. words.Skip(first).Select(word => text[word.Start..word.End])];
        }

        return [.. words.Take((int)limit).Select(word => text[word.Start..word.End]), text[words[(int)limit].Start..]];
    }

    private static object? SplitLines(string text, Arguments arguments)
    {
        var keep = arguments.OptionalTruth("keepends", false);
        arguments.End();
        var lines = new List<object?>();
        for (var start = 0; start < text.Length;)
        {
            var length = text.AsSpan(start).IndexOfAny(LineBreaks);
            var end = length < 0 ? text.Length : start + length;
            var next = end == text.Length ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(text[start..(keep ? next : end)]);
            Budget.Current.Spend(1);
            start = next;
        }

        return lines;
    }

    private static TupleValue Partition(string text, Arguments arguments, bool last)
    {
        var separator = arguments.RequiredText("sep");
        arguments.End();
        if (separator.Length == 0)
            throw new EngineException("empty separator");
        var found = last ? text.AsSpan().LastIndexOf(separator) : text.IndexOf(separator, StringComparison.Ordinal);
        if (found < 0)
            return last ? new TupleValue("", "", text) : new TupleValue(text, "", "");
        return new TupleValue(text[..found], separator, text[(found + separator.Length)..]);
    }

    private static object? Affix(string text, Arguments arguments, bool start)
    {
        var affix = arguments.Required("prefix");
        var slice = Window(text, arguments)?.Text;
        arguments.End();
        if (affix is TupleValue choices)
            return choices.Items.Any(Matches);
        return Matches(affix);

        bool Matches(object? candidate)
        {
            if (!Kinds.IsText(candidate, out var part))
                throw new EngineException($"the first argument must be str or a tuple of str, not {Kinds.Name(Kinds.Defined(candidate))}");
            return slice is not null && (start ? slice.StartsWith(part, StringComparison.Ordinal) : slice.EndsWith(part, StringComparison.Ordinal));
        }
    }

    private static long? Find(string text, Arguments arguments, bool last)
    {
        var part = arguments.RequiredText("sub");
        var window = Window(text, arguments);
        arguments.End();
        Budget.Current.SpendText(text.Length);
        if (window is not { } slice)
            return null;
        var unit = last ? slice.Text.AsSpan().LastIndexOf(part) : slice.Text.IndexOf(part, StringComparison.Ordinal);
        if (last && part.Length == 0)
            unit = slice.Text.Length;
        return unit < 0 ? null : slice.Start + Characters.Index(slice.Text, unit);
    }

    private static object? Count(string text, Arguments arguments)
    {
        var part = arguments.RequiredText("sub");
        var window = Window(text, arguments);
        arguments.End();
        Budget.Current.SpendText(text.Length);
        if (window is not { } slice)
            return 0L;
        return part.Length == 0 ? Characters.Count(slice.Text) + 1L : slice.Text.AsSpan().Count(part);
    }

    /// <summary>The part of a text between the optional arguments start and end; null where start lies behind the end.</summary>
    private static (string Text, long Start)? Window(string text, Arguments arguments)
    {
        var from = arguments.Optional("start");
        var to = arguments.Optional("end");
        if (from is null && to is null)
            return (text, 0);
        long length = Characters.Count(text);
        var start = Clamp(from is null ? 0 : Numbers.ToIndex(from), length);
        var end = Math.Min(Clamp(to is null ? length : Numbers.ToIndex(to), length), length);
        return start > end ? null : (text[Characters.Unit(text, start)..Characters.Unit(text, end)], start);

        static long Clamp(long index, long length) => index < 0 ? Math.Max(0, index + length) : index;
    }
}

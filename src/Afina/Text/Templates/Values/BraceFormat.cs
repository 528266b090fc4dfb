using System.Globalization;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>Python's <c>str.format</c>, with the sandbox's rules for members.</summary>
internal sealed class BraceFormat
{
    private readonly Arguments _arguments;
    private readonly bool _escape;
    private readonly DictValue? _mapping;
    private int _automatic;

    private BraceFormat(Arguments arguments, DictValue? mapping, bool escape)
    {
        _arguments = arguments;
        _mapping = mapping;
        _escape = escape;
    }

    /// <summary>Formats with the arguments of a call, or with one mapping (format_map).</summary>
    public static string Apply(string format, Arguments arguments, DictValue? mapping, bool escape) =>
        new BraceFormat(arguments, mapping, escape).Expand(format, 2);

    private string Expand(string format, int levels)
    {
        if (levels < 0)
            throw new EngineException("Max string recursion exceeded");
        var result = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            var c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
                result.Append(format[i++]);
            else if (c == '}')
                throw new EngineException("Single '}' encountered in format string");
            else if (c == '{')
                i = Field(format, i + 1, levels, result);
            else
                result.Append(c);
            Budget.Current.Grow(result.Length, 32);
        }

        return result.ToString();
    }

    /// <summary>Writes the field that begins at <paramref name="start"/> and returns the position of its closing brace.</summary>
    private int Field(string format, int start, int levels, StringBuilder result)
    {
        var (depth, end) = (1, start);
        for (; end < format.Length; end++)
        {
            depth += format[end] switch { '{' => 1, '}' => -1, _ => 0 };
            if (depth == 0)
                break;
        }

        if (depth != 0)
            throw new EngineException("expected '}' before end of string");
        var field = format[start..end];
        var bracket = 0;
        var split = 0;
        for (; split < field.Length && (bracket > 0 || field[split] is not (':' or '!')); split++)
            bracket += field[split] switch { '[' => 1, ']' => -1, _ => 0 };
        var value = Value(field[..split]);
        var spec = split < field.Length ? field[split..] : "";
        if (spec.StartsWith('!'))
        {
            if (spec.Length < 2 || (spec.Length > 2 && spec[2] != ':'))
                throw new EngineException("expected ':' after conversion specifier");
            value = spec[1] switch
            {
                's' => TextForm.Str(value),
                'r' or 'a' => TextForm.Repr(value),
                var other => throw new EngineException($"Unknown conversion specifier {other}"),
            };
            spec = spec[2..];
        }

        var text = FormatSpec.Apply(value, spec.Length > 0 ? Expand(spec[1..], levels - 1) : "");
        result.Append(_escape && value is not Markup ? Escaping.Escape(text) : text);
        return end;
    }

    private object? Value(string path)
    {
        var at = path.AsSpan().IndexOfAny('.', '[');
        var first = at < 0 ? path : path[..at];
        var value = First(first);
        while (at >= 0 && at < path.Length)
        {
            var next = path.AsSpan(at + 1).IndexOfAny('.', '[') is var offset and >= 0 ? at + 1 + offset : path.Length;
            if (path[at] == '.')
            {
                value = Members.Attribute(value, path[(at + 1)..next]);
            }
            else
            {
                var close = path.IndexOf(']', at);
                if (close < 0)
                    throw new EngineException("Missing ']' in format string");
                var key = path[(at + 1)..close];
                value = Members.Item(value, long.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : key);
                next = close + 1;
            }

            at = next < path.Length ? next : -1;
        }

        return value;
    }

    private object? First(string name)
    {
        if (name.Length == 0)
            return Positional(_automatic++);
        if (long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            return Positional(index);
        if (_mapping is not null)
            return _mapping.TryGet(name, out var mapped) ? mapped : throw new EngineException($"the format needs a value for '{name}'");
        foreach (var (key, value) in _arguments.Named)
        {
            if (key == name)
                return value;
        }

        throw new EngineException($"the format needs a value for '{name}'");
    }

    private object? Positional(long index) => _mapping is null && index < _arguments.Positional.Length
        ? _arguments.Positional[index]
        : throw new EngineException($"Replacement index {index} out of range for positional args tuple");
}

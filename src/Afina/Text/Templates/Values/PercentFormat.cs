using System.Globalization;
using System.Numerics;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>Python's <c>format % values</c>.</summary>
internal sealed class PercentFormat
{
    private readonly string _format;
    private readonly object? _values;
    private readonly IReadOnlyList<object?> _list;
    private readonly bool _escape;
    private readonly StringBuilder _result = new();
    private int _at;
    private int _used;
    private bool _byName;

    private PercentFormat(string format, object? values, bool escape)
    {
        _format = format;
        _values = values;
        _list = values is TupleValue tuple ? tuple.Items : [values];
        _escape = escape;
    }

    public static string Apply(string format, object? values, bool escape)
    {
        var writer = new PercentFormat(format, values, escape);
        writer.Write();
        return writer._result.ToString();
    }

    private void Write()
    {
        while (_at < _format.Length)
        {
            var c = _format[_at++];
            if (c == '%')
                WriteItem();
            else
                _result.Append(c);
            Budget.Current.Grow(_result.Length, 32);
        }

        if (!_byName && _used < _list.Count && _values is not (DictValue or List<object?> or BytesValue or RangeValue or Undefined))
            throw new EngineException("not all arguments converted during string formatting");
    }

    private void WriteItem()
    {
        if (Peek() == '%')
        {
            _at++;
            _result.Append('%');
            return;
        }

        var name = Peek() == '(' ? ReadName() : null;
        var flags = "";
        while (Peek() is '-' or '+' or ' ' or '#' or '0')
            flags += _format[_at++];
        var width = ReadNumber();
        int? precision = null;
        if (Peek() == '.')
        {
            _at++;
            precision = ReadNumber() ?? 0;
        }

        while (Peek() is 'l' or 'h' or 'L')
            _at++;
        if (_at >= _format.Length)
            throw new EngineException("incomplete format");
        var kind = _format[_at++];
        if (kind == '%')
        {
            _result.Append('%');
            return;
        }

        if (width < 0)
            (width, flags) = (-width, flags + "-");
        var text = Format(kind, name is null ? NextValue() : Named(name), flags, precision);
        _result.Append(Pad(text, width ?? 0, flags, kind is not ('s' or 'r' or 'a' or 'c')));
    }

    private char Peek() => _at < _format.Length ? _format[_at] : '\0';

    private string ReadName()
    {
        var end = _format.IndexOf(')', _at);
        if (end < 0)
            throw new EngineException("incomplete format key");
        var name = _format[(_at + 1)..end];
        _at = end + 1;
        return name;
    }

    private int? ReadNumber()
    {
        if (Peek() == '*')
        {
            _at++;
            return (int)Math.Clamp(Numbers.ToIndex(NextValue()), int.MinValue + 1, int.MaxValue);
        }

        var start = _at;
        while (char.IsAsciiDigit(Peek()))
            _at++;
        return start == _at ? null
            : int.TryParse(_format.AsSpan(start, _at - start), CultureInfo.InvariantCulture, out var number) ? number
            : throw new EngineException("width or precision too big");
    }

    private object? NextValue() =>
        _used < _list.Count ? _list[_used++] : throw new EngineException("not enough arguments for format string");

    private object? Named(string name)
    {
        _byName = true;
        if (_values is not DictValue dict)
            throw new EngineException("format requires a mapping");
        return dict.TryGet(name, out var value) ? value : throw new EngineException($"the format needs a value for '{name}'");
    }

    private string Format(char kind, object? value, string flags, int? precision)
    {
        switch (kind)
        {
            case 's' or 'r' or 'a':
                var text = kind == 's' ? TextForm.Str(value) : TextForm.Repr(value);
                if (_escape && value is not Markup)
                    text = Escaping.Escape(text);
                return precision is { } limit && limit < Characters.Count(text) ? text[..Characters.Unit(text, limit)] : text;
            case 'c':
                return Kinds.IsText(value, out var single) && Characters.Count(single) == 1 ? single
                    : Numbers.IsInteger(value) && Rune.TryCreate((int)Math.Clamp(Numbers.ToIndex(value), -1, int.MaxValue), out var rune) ? rune.ToString()
                    : throw new EngineException("%c requires int or char");
            case 'd' or 'i' or 'u':
                return Sign(Digits(Whole(value, kind), 10, precision), flags);
            case 'x' or 'X' or 'o':
                var digits = Digits(Numbers.IsInteger(value) ? Numbers.ToBig(value) : throw Wrong(kind, "an integer", value), kind == 'o' ? 8 : 16, precision);
                digits = flags.Contains('#') ? digits.Insert(digits.StartsWith('-') ? 1 : 0, $"0{char.ToLowerInvariant(kind)}") : digits;
                return Sign(kind == 'X' ? digits.ToUpperInvariant() : digits, flags);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                if (!Numbers.IsNumber(Kinds.Defined(value)))
                    throw new EngineException($"must be real number, not {Kinds.Name(value)}");
                return Sign(FormatSpec.Float(Numbers.ToDouble(value), kind, precision ?? 6, flags.Contains('#')), flags);
            default:
                throw new EngineException($"unsupported format character '{kind}'");
        }
    }

    private static BigInteger Whole(object? value, char kind) => value switch
    {
        double d when double.IsFinite(d) => new BigInteger(d),
        _ when Numbers.IsInteger(Kinds.Defined(value)) => Numbers.ToBig(value),
        _ => throw Wrong(kind, "a real number", value),
    };

    private static EngineException Wrong(char kind, string what, object? value) =>
        new($"%{kind} format: {what} is required, not {Kinds.Name(value)}");

    private static string Digits(BigInteger value, int radix, int? precision)
    {
        var digits = FormatSpec.Radix(BigInteger.Abs(value), radix).PadLeft(Math.Min(precision ?? 0, 500), '0');
        return value.Sign < 0 ? "-" + digits : digits;
    }

    private static string Sign(string text, string flags) =>
        text.StartsWith('-') ? text : flags.Contains('+') ? "+" + text : flags.Contains(' ') ? " " + text : text;

    private static string Pad(string text, int width, string flags, bool numeric)
    {
        Budget.Current.SpendText(width);
        var missing = width - Characters.Count(text);
        if (missing <= 0)
            return text;
        if (flags.Contains('-'))
            return text + new string(' ', missing);
        if (!numeric || !flags.Contains('0'))
            return new string(' ', missing) + text;
        var prefix = text.Length > 0 && text[0] is '-' or '+' or ' ' ? 1 : 0;
        if (text.Length > prefix + 1 && text[prefix] == '0' && char.ToLowerInvariant(text[prefix + 1]) is 'x' or 'o')
            prefix += 2;
        return text.Insert(prefix, new string('0', missing));
    }
}

using System.Globalization;
using System.Numerics;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Syntax;

/// <summary>Cuts a template into tokens, with <c>trim_blocks</c> and <c>lstrip_blocks</c> on, and newlines unified.</summary>
internal sealed class Lexer
{
    private static readonly string[] Operators =
        ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    private readonly string _name;
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _position;
    private int _line = 1;
    private bool _lineStarts = true;

    private Lexer(string source, string name)
    {
        _name = name;
        source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        _source = source.EndsWith('\n') ? source[..^1] : source;
    }

    /// <summary>The tokens of a template and its text with unified newlines.</summary>
    public static (List<Token> Tokens, string Source) Read(string source, string name)
    {
        var lexer = new Lexer(source, name);
        lexer.ReadRoot();
        lexer.Add(TokenKind.End, "", null);
        return (lexer._tokens, lexer._source);
    }

    /// <summary>The exception for a fault at a position of the (unified) source.</summary>
    public static FormatException Fault(string name, string source, int position, string what)
    {
        var before = source.AsSpan(0, Math.Min(position, source.Length));
        var column = before.Length - (before.LastIndexOf('\n') + 1) + 1;
        return new FormatException($"chat template {name}, line {before.Count('\n') + 1}, column {column}: {what}");
    }

    private FormatException Fault(int position, string what) => Fault(_name, _source, position, what);

    private void Add(TokenKind kind, string text, object? value) => _tokens.Add(new Token(kind, text, value, _position, _line));

    /// <summary>Moves on to <paramref name="end"/>, counting lines.</summary>
    private void Advance(int end)
    {
        if (end > _position)
            _lineStarts = _source[end - 1] == '\n';
        _line += _source.AsSpan(_position, end - _position).Count('\n');
        _position = end;
    }

    private void ReadRoot()
    {
        while (_position < _source.Length)
        {
            var tag = NextTag(_position);
            if (tag < 0)
            {
                Add(TokenKind.Data, _source[_position..], null);
                Advance(_source.Length);
                return;
            }

            var sign = SignAt(tag + 2);
            var kind = _source[tag + 1];
            AddData(tag, sign, kind != '{');
            Advance(tag);
            var begin = tag + (sign == '\0' ? 2 : 3);
            if (kind == '#')
            {
                ReadComment(begin);
            }
            else if (kind == '%' && RawBegin(begin) is var raw and >= 0)
            {
                Advance(raw);
                ReadRaw();
            }
            else
            {
                Add(kind == '{' ? TokenKind.VariableBegin : TokenKind.BlockBegin, "", null);
                Advance(begin);
                ReadExpression(kind == '{');
            }
        }
    }

    private int NextTag(int from)
    {
        for (var at = from; (at = _source.IndexOf('{', at)) >= 0 && at + 1 < _source.Length; at++)
        {
            if (_source[at + 1] is '{' or '%' or '#')
                return at;
        }

        return -1;
    }

    private char SignAt(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : '\0';

    /// <summary>Emits the text before a tag: "-" strips all white space, and a block or comment that stands alone on its line loses its indentation.</summary>
    private void AddData(int end, char sign, bool strips)
    {
        var text = _source.AsSpan(_position, end - _position);
        if (sign == '-')
        {
            text = text[..Characters.TrimmedEnd(text)];
        }
        else if (sign != '+' && strips)
        {
            var start = text.LastIndexOf('\n') + 1;
            if ((start > 0 || _lineStarts) && Characters.IsAllSpace(text[start..]))
                text = text[..start];
        }

        if (!text.IsEmpty)
            Add(TokenKind.Data, text.ToString(), null);
    }

    private void ReadComment(int begin)
    {
        var end = _source.IndexOf("#}", begin, StringComparison.Ordinal);
        if (end < 0 && begin < _source.Length)
            throw Fault(_position, "the comment is not closed with #}");
        if (end < 0)
        {
            Advance(begin);
            return;
        }

        Advance(AfterTag(end + 2, end > begin ? _source[end - 1] : '\0', trims: true));
    }

    /// <summary>Where the source goes on after a closing delimiter.</summary>
    private int AfterTag(int end, char sign, bool trims)
    {
        if (sign == '-')
            return SkipSpace(end);
        return trims && sign != '+' && end < _source.Length && _source[end] == '\n' ? end + 1 : end;
    }

    private int SkipSpace(int at)
    {
        while (at < _source.Length && Characters.IsSpace(_source[at]))
            at++;
        return at;
    }

    private bool Matches(int at, string text) => string.CompareOrdinal(_source, at, text, 0, text.Length) == 0;

    private int RawBegin(int at)
    {
        at = SkipSpace(at);
        if (!Matches(at, "raw"))
            return -1;
        at = SkipSpace(at + 3);
        return Matches(at, "-%}") ? SkipSpace(at + 3) : Matches(at, "%}") ? at + 2 : -1;
    }

    private void ReadRaw()
    {
        if (_position == _source.Length)
            return;
        for (var tag = _position; (tag = _source.IndexOf("{%", tag, StringComparison.Ordinal)) >= 0; tag++)
        {
            var sign = SignAt(tag + 2);
            var at = SkipSpace(tag + (sign == '\0' ? 2 : 3));
            if (!Matches(at, "endraw"))
                continue;
            at = SkipSpace(at + 6);
            var closing = SignAt(at);
            if (!Matches(closing == '\0' ? at : at + 1, "%}"))
                continue;
            AddData(tag, sign, strips: true);
            Advance(AfterTag(closing == '\0' ? at + 2 : at + 3, closing, trims: true));
            return;
        }

        throw Fault(_position, "the raw block is not closed with {% endraw %}");
    }

    private void ReadExpression(bool variable)
    {
        var open = new Stack<char>();
        while (_position < _source.Length)
        {
            if (open.Count == 0 && ClosesAt(variable) is var end and >= 0)
            {
                Add(variable ? TokenKind.VariableEnd : TokenKind.BlockEnd, "", null);
                Advance(end);
                return;
            }

            var c = _source[_position];
            if (Characters.IsSpace(c))
                Advance(SkipSpace(_position));
            else if (char.IsAsciiDigit(c))
                ReadNumber();
            else if (Characters.IsWord(_source, _position))
                ReadName();
            else if (c is '\'' or '"')
                ReadString(c);
            else
                ReadOperator(open);
        }
    }

    private int ClosesAt(bool variable)
    {
        var close = variable ? "}}" : "%}";
        var sign = SignAt(_position);
        if (sign == '+' && variable)
            return -1;
        var at = sign == '\0' ? _position : _position + 1;
        return Matches(at, close) ? AfterTag(at + 2, sign, trims: !variable) : -1;
    }

    private void ReadNumber()
    {
        var afterDot = _position > 0 && _source[_position - 1] == '.';
        if (!afterDot && FloatEnd() is var end and >= 0)
        {
            var text = _source[_position..end];
            Add(TokenKind.Float, text, double.Parse(text.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture));
            Advance(end);
            return;
        }

        var (radix, start) = _position + 1 < _source.Length && _source[_position] == '0'
            ? char.ToLowerInvariant(_source[_position + 1]) switch { 'x' => (16, _position + 2), 'o' => (8, _position + 2), 'b' => (2, _position + 2), _ => (10, _position) }
            : (10, _position);
        var stop = DigitsEnd(start, radix);
        if (radix != 10 && stop == start)
            (radix, start, stop) = (10, _position, _position + 1);
        if (radix == 10 && _source[_position] == '0')
        {
            stop = _position + 1;
            while (stop < _source.Length && (_source[stop] == '0' || (_source[stop] == '_' && stop + 1 < _source.Length && _source[stop + 1] == '0')))
                stop++;
        }

        var digits = _source[start..stop].Replace("_", "");
        if (digits.Length > 4000)
            throw Fault(_position, "the number has over 4000 digits");
        var value = BigInteger.Zero;
        foreach (var digit in digits)
            value = value * radix + Characters.DigitValue(digit);
        Add(TokenKind.Integer, _source[_position..stop], Numbers.Normalize(value));
        Advance(stop);
    }

    /// <summary>The end of digits with single underscores between them.</summary>
    private int DigitsEnd(int at, int radix)
    {
        var start = at;
        while (at < _source.Length)
        {
            var digit = at + 1 < _source.Length && _source[at] == '_' && (at > start || radix != 10) ? _source[at + 1] : _source[at];
            var value = Characters.DigitValue(digit);
            if (value < 0 || value >= radix)
                break;
            at += _source[at] == '_' ? 2 : 1;
        }

        return at;
    }

    private int FloatEnd()
    {
        var at = DigitsEnd(_position, 10);
        var fraction = false;
        if (at + 1 < _source.Length && _source[at] == '.' && char.IsAsciiDigit(_source[at + 1]))
        {
            at = DigitsEnd(at + 1, 10);
            fraction = true;
        }

        if (at < _source.Length && _source[at] is 'e' or 'E')
        {
            var digits = at + 1 < _source.Length && _source[at + 1] is '+' or '-' ? at + 2 : at + 1;
            if (digits < _source.Length && char.IsAsciiDigit(_source[digits]))
                return DigitsEnd(digits, 10);
        }

        return fraction ? at : -1;
    }

    private void ReadName()
    {
        var end = _position;
        while (end < _source.Length && Characters.IsWord(_source, end))
            end += char.IsHighSurrogate(_source[end]) ? 2 : 1;
        Add(TokenKind.Name, _source[_position..end], null);
        Advance(end);
    }

    private void ReadString(char quote)
    {
        var end = _position + 1;
        while (end < _source.Length && _source[end] != quote)
            end += _source[end] == '\\' ? 2 : 1;
        if (end >= _source.Length)
            throw Fault(_position, $"the text that begins with {quote} is not closed");
        string value;
        try
        {
            value = StringEscapes.Decode(_source[(_position + 1)..end]);
        }
        catch (FormatException fault)
        {
            throw Fault(_position, fault.Message);
        }

        Add(TokenKind.String, value, null);
        Advance(end + 1);
    }

    private void ReadOperator(Stack<char> open)
    {
        var text = Array.Find(Operators, candidate => Matches(_position, candidate))
            ?? throw Fault(_position, $"unexpected character '{Characters.At(_source, _position)}'");
        switch (text)
        {
            case "(": open.Push(')'); break;
            case "[": open.Push(']'); break;
            case "{": open.Push('}'); break;
            case ")" or "]" or "}":
                if (!open.TryPop(out var expected))
                    throw Fault(_position, $"unexpected '{text}'");
                if (expected != text[0])
                    throw Fault(_position, $"unexpected '{text}', expected '{expected}'");
                break;
        }

        Add(TokenKind.Operator, text, null);
        Advance(_position + text.Length);
    }
}

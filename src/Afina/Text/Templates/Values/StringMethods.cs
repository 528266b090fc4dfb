using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>The methods of str.</summary>
internal static partial class StringMethods
{
    private static readonly FrozenDictionary<string, Func<string, Arguments, object?>> Methods = new Dictionary<string, Func<string, Arguments, object?>>
    {
        ["capitalize"] = Plain(Casing.Capitalize),
        ["casefold"] = Plain(Casing.Fold),
        ["lower"] = Plain(Casing.Lower),
        ["upper"] = Plain(Casing.Upper),
        ["title"] = Plain(Casing.Title),
        ["swapcase"] = Plain(Casing.SwapCase),
        ["strip"] = (text, arguments) => Strip(text, arguments, true, true),
        ["lstrip"] = (text, arguments) => Strip(text, arguments, true, false),
        ["rstrip"] = (text, arguments) => Strip(text, arguments, false, true),
        ["split"] = (text, arguments) => Split(text, arguments, fromEnd: false),
        ["rsplit"] = (text, arguments) => Split(text, arguments, fromEnd: true),
        ["splitlines"] = SplitLines,
        ["partition"] = (text, arguments) => Partition(text, arguments, last: false),
        ["rpartition"] = (text, arguments) => Partition(text, arguments, last: true),
        ["join"] = Join,
        ["replace"] = Replace,
        ["startswith"] = (text, arguments) => Affix(text, arguments, start: true),
        ["endswith"] = (text, arguments) => Affix(text, arguments, start: false),
        ["find"] = (text, arguments) => Find(text, arguments, last: false) ?? -1L,
        ["rfind"] = (text, arguments) => Find(text, arguments, last: true) ?? -1L,
        ["index"] = (text, arguments) => Find(text, arguments, last: false) ?? throw new EngineException("substring not found"),
        ["rindex"] = (text, arguments) => Find(text, arguments, last: true) ?? throw new EngineException("substring not found"),
        ["count"] = Count,
        ["removeprefix"] = (text, arguments) => Remove(text, arguments, start: true),
        ["removesuffix"] = (text, arguments) => Remove(text, arguments, start: false),
        ["center"] = (text, arguments) => Justify(text, arguments, (missing, width) => missing / 2 + (missing & width & 1)),
        ["ljust"] = (text, arguments) => Justify(text, arguments, (_, _) => 0),
        ["rjust"] = (text, arguments) => Justify(text, arguments, (missing, _) => missing),
        ["zfill"] = ZeroFill,
        ["expandtabs"] = ExpandTabs,
        ["encode"] = Encode,
        ["format"] = (text, arguments) => BraceFormat.Apply(text, arguments, null, escape: false),
        ["format_map"] = FormatMap,
        ["isalnum"] = Every(Characters.IsAlphanumeric),
        ["isalpha"] = Every(Characters.IsAlphabetic),
        ["isdecimal"] = Every((text, unit) => CharUnicodeInfo.GetUnicodeCategory(text, unit) == UnicodeCategory.DecimalDigitNumber),
        ["isdigit"] = Every((text, unit) => CharUnicodeInfo.GetDigitValue(text, unit) >= 0),
        ["isnumeric"] = Every((text, unit) => CharUnicodeInfo.GetNumericValue(text, unit) >= 0),
        ["isspace"] = Every((text, unit) => Characters.IsSpace(text[unit])),
        ["isprintable"] = (text, arguments) => text.Length == 0 || (bool)Every(Characters.IsPrintable)(text, arguments)!,
        ["isascii"] = (text, _) => Ascii.IsValid(text),
        ["isidentifier"] = (text, arguments) => text.Length > 0 && !char.IsAsciiDigit(text[0]) && (bool)Every(Characters.IsWord)(text, arguments)!,
        ["isupper"] = (text, _) => Casing.IsUpper(text),
        ["islower"] = (text, _) => Casing.IsLower(text),
        ["istitle"] = (text, _) => Casing.IsTitle(text),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The method of a text.</summary>
    public static Callable? Find(string text, string name) =>
        Methods.TryGetValue(name, out var method) ? new Function(name, arguments => Invoke(name, method, text, arguments)) : null;

    /// <summary>The method of an escaped text: its texts are escaped too.</summary>
    public static Callable? Find(Markup markup, string name) => name switch
    {
        "format" => new Function(name, arguments => new Markup(BraceFormat.Apply(markup.Text, arguments, null, escape: true))),
        "unescape" => new Function(name, _ => System.Net.WebUtility.HtmlDecode(markup.Text)),
        _ when Methods.TryGetValue(name, out var method) => new Function(name, arguments => Mark(Invoke(name, method, markup.Text, Escaped(name, arguments)))),
        _ => null,
    };

    private static object? Invoke(string name, Func<string, Arguments, object?> method, string text, Arguments arguments)
    {
        if (arguments.Named.Count > 0 && name is not ("format" or "split" or "rsplit" or "splitlines" or "encode" or "expandtabs"))
            throw new EngineException($"str.{name}() takes no keyword arguments");
        var result = method(text, arguments);
        if (name != "format")
            arguments.End();
        return result;
    }

    private static object? Mark(object? result) => result switch
    {
        string text => new Markup(text),
        List<object?> list => list.ConvertAll(Mark),
        TupleValue tuple => new TupleValue(Array.ConvertAll(tuple.Items, Mark)),
        _ => result,
    };

    /// <summary>The arguments that become part of an escaped text, escaped.</summary>
    private static Arguments Escaped(string name, Arguments arguments) => name switch
    {
        "join" => new Arguments(name, [.. arguments.Positional.Select(items => Sequences.ToList(items).ConvertAll(item => (object?)Escaping.Escape(item)))]),
        "replace" => new Arguments(name, [.. arguments.Positional.Select((item, i) => i == 1 && item is string ? Escaping.Escape(item) : item)]),
        _ => arguments,
    };

    private static Func<string, Arguments, object?> Plain(Func<string, string> map) => (text, arguments) =>
    {
        arguments.End();
        Budget.Current.SpendText(text.Length);
        return map(text);
    };

    private static Func<string, Arguments, object?> Every(Func<string, int, bool> test) => (text, _) =>
    {
        for (var i = 0; i < text.Length; i += Characters.Width(text, i))
        {
            if (!test(text, i))
                return false;
        }

        return text.Length > 0;
    };

    private static string Strip(string text, Arguments arguments, bool start, bool end)
    {
        var characters = arguments.OptionalText("chars");
        arguments.End();
        return Characters.Strip(text, characters, start, end);
    }

    private static object? Join(string separator, Arguments arguments)
    {
        var items = arguments.Required("iterable");
        arguments.End();
        var result = new StringBuilder();
        var index = 0L;
        foreach (var item in Sequences.Iterate(items))
        {
            if (!Kinds.IsText(item, out var text))
                throw new EngineException($"sequence item {index}: expected str instance, {Kinds.Name(item)} found");
            if (index++ > 0)
                result.Append(separator);
            result.Append(text);
            Budget.Current.Grow(result.Length, 32);
        }

        return result.ToString();
    }

    private static object? Replace(string text, Arguments arguments)
    {
        var (old, with, count) = (arguments.RequiredText("old"), arguments.RequiredText("new"), arguments.OptionalInteger("count", -1));
        arguments.End();
        return Replace(text, old, with, count);
    }

    /// <summary>str.replace; an empty old text stands before every character and at the end.</summary>
    public static string Replace(string text, string old, string with, long count)
    {
        Budget.Current.SpendText(text.Length);
        if (count == 0 || (old.Length > 0 && !text.Contains(old, StringComparison.Ordinal)))
            return text;
        var result = new StringBuilder();
        var at = 0;
        if (old.Length == 0)
        {
            for (; count != 0; count--)
            {
                result.Append(with);
                if (at == text.Length)
                    break;
                result.Append(text, at, Characters.Width(text, at));
                at += Characters.Width(text, at);
                Budget.Current.Grow(result.Length, 32);
            }
        }

        for (int found; count != 0 && old.Length > 0 && (found = text.IndexOf(old, at, StringComparison.Ordinal)) >= 0; count--)
        {
            result.Append(text, at, found - at).Append(with);
            at = found + old.Length;
            Budget.Current.Grow(result.Length, 32);
        }

        return result.Append(text, at, text.Length - at).ToString();
    }

    private static string Remove(string text, Arguments arguments, bool start)
    {
        var part = arguments.RequiredText("affix");
        arguments.End();
        if (start)
            return text.StartsWith(part, StringComparison.Ordinal) ? text[part.Length..] : text;
        return part.Length > 0 && text.EndsWith(part, StringComparison.Ordinal) ? text[..^part.Length] : text;
    }

    private static string Justify(string text, Arguments arguments, Func<int, int, int> left)
    {
        var (width, fill) = (arguments.OptionalInteger("width", 0), arguments.OptionalText("fillchar") ?? " ");
        arguments.End();
        if (Characters.Count(fill) != 1)
            throw new EngineException("The fill character must be exactly one character long");
        Budget.Current.SpendText(width);
        var missing = (int)width - Characters.Count(text);
        if (missing <= 0)
            return text;
        var before = left(missing, (int)width);
        return string.Concat(Enumerable.Repeat(fill, before)) + text + string.Concat(Enumerable.Repeat(fill, missing - before));
    }

    private static object? ZeroFill(string text, Arguments arguments)
    {
        var width = arguments.OptionalInteger("width", 0);
        arguments.End();
        Budget.Current.SpendText(width);
        var missing = (int)width - Characters.Count(text);
        var sign = text.Length > 0 && text[0] is '-' or '+' ? 1 : 0;
        return missing <= 0 ? text : text.Insert(sign, new string('0', missing));
    }

    private static object? ExpandTabs(string text, Arguments arguments)
    {
        var size = arguments.OptionalInteger("tabsize", 8);
        arguments.End();
        Budget.Current.SpendText(size);
        var result = new StringBuilder();
        var column = 0;
        foreach (var c in text)
        {
            if (c == '\t')
            {
                var spaces = size > 0 ? (int)size - column % (int)size : 0;
                result.Append(' ', spaces);
                column += spaces;
            }
            else
            {
                result.Append(c);
                column = c is '\n' or '\r' ? 0 : column + 1;
            }

            Budget.Current.Grow(result.Length, 32);
        }

        return result.ToString();
    }

    private static object? Encode(string text, Arguments arguments)
    {
        var encoding = arguments.OptionalText("encoding") ?? "utf-8";
        _ = arguments.Optional("errors");
        arguments.End();
        return encoding.ToLowerInvariant().Replace('_', '-') is "utf-8" or "utf8" or "ascii" or "latin-1"
            ? new BytesValue(Encoding.UTF8.GetBytes(text))
            : throw new EngineException($"unknown encoding: {encoding}");
    }

    private static object? FormatMap(string text, Arguments arguments)
    {
        var mapping = arguments.Required("mapping") as DictValue ?? throw new EngineException("format_map() needs a mapping");
        arguments.End();
        return BraceFormat.Apply(text, arguments, mapping, escape: false);
    }
}

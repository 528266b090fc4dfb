using System.Globalization;
using System.Net;
using System.Text;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Library;

/// <summary>The filters that make text from text.</summary>
internal static class TextFilters
{
    private const int TruncateLeeway = 5;

    public static IEnumerable<KeyValuePair<string, Func<object?, Arguments, object?>>> All => new Dictionary<string, Func<object?, Arguments, object?>>
    {
        ["capitalize"] = Plain(Casing.Capitalize),
        ["lower"] = Plain(Casing.Lower),
        ["upper"] = Plain(Casing.Upper),
        ["title"] = Plain(Title),
        ["string"] = (value, arguments) => Filters.Soft(value, text => text),
        ["trim"] = Trim,
        ["replace"] = Replace,
        ["center"] = Center,
        ["indent"] = Indent,
        ["truncate"] = Truncate,
        ["format"] = (value, arguments) => PercentFormat.Apply(
            TextForm.Str(value), arguments.Named.Count > 0 ? Globals.MakeDict(arguments) : new TupleValue(arguments.Positional), escape: value is Markup),
        ["wordcount"] = (value, _) => WordCount(TextForm.Str(value)),
        ["striptags"] = (value, _) => StripTags(TextForm.Str(value)),
        ["urlencode"] = UrlEncode,
        ["safe"] = (value, _) => value as Markup ?? new Markup(TextForm.Str(value)),
        ["escape"] = (value, _) => Escaping.Escape(value),
        ["e"] = (value, _) => Escaping.Escape(value),
        ["forceescape"] = (value, _) => new Markup(Escaping.Escape(TextForm.Str(value))),
        ["xmlattr"] = XmlAttributes,
        ["tojson"] = ToJson,
        ["filesizeformat"] = FileSize,
        ["pprint"] = (value, _) => TextForm.Repr(value),
        ["urlize"] = (_, _) => throw new EngineException("the filter 'urlize' is not supported in chat templates"),
        ["wordwrap"] = (_, _) => throw new EngineException("the filter 'wordwrap' is not supported in chat templates"),
    };

    private static Func<object?, Arguments, object?> Plain(Func<string, string> map) => (value, arguments) =>
    {
        arguments.End();
        return Filters.Soft(value, text =>
        {
            Budget.Current.SpendText(text.Length);
            return map(text);
        });
    };

    /// <summary>Jinja's own title case: a word begins after white space, a hyphen or an opening bracket only.</summary>
    private static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0, start = 0; i <= text.Length; i++)
        {
            if (i < text.Length && !Characters.IsSpace(text[i]) && text[i] is not ('-' or '(' or '{' or '[' or '<'))
                continue;
            if (i > start)
            {
                var first = Characters.At(text, start);
                result.Append(Casing.Upper(first)).Append(Casing.Lower(text[(start + first.Length)..i]));
            }

            if (i < text.Length)
                result.Append(text[i]);
            start = i + 1;
        }

        return result.ToString();
    }

    private static object? Trim(object? value, Arguments arguments)
    {
        var characters = arguments.OptionalText("chars");
        arguments.End();
        return Filters.Soft(value, text => Characters.Strip(text, characters, true, true));
    }

    private static object? Replace(object? value, Arguments arguments)
    {
        var (old, with) = (TextForm.Str(arguments.Required("old")), TextForm.Str(arguments.Required("new")));
        var count = arguments.Optional("count");
        arguments.End();
        return StringMethods.Replace(TextForm.Str(value), old, with, count is null ? -1 : Numbers.ToIndex(count));
    }

    private static object? Center(object? value, Arguments arguments)
    {
        var width = arguments.OptionalInteger("width", 80);
        arguments.End();
        return Filters.Soft(value, text => (string)StringMethods.Find(text, "center")!.Invoke(new Arguments("center", [width]))!);
    }

    private static object? Indent(object? value, Arguments arguments)
    {
        var width = arguments.Optional("width", 4L);
        var first = arguments.OptionalTruth("first", false);
        var blank = arguments.OptionalTruth("blank", false);
        arguments.End();
        if (!Kinds.IsText(width, out var margin))
        {
            Budget.Current.SpendText(Numbers.ToIndex(width));
            margin = new string(' ', (int)Math.Max(0, Numbers.ToIndex(width)));
        }

        if (!Kinds.IsText(value, out _))
            throw new EngineException($"the filter 'indent' needs a text, not {Kinds.Name(Kinds.Defined(value))}");
        return Filters.Soft(value, text =>
        {
            // Most lines end with a line feed: those are paid for before millions of them are made.
            var feeds = text.AsSpan().Count('\n');
            Budget.Current.SpendText(text.Length + (long)feeds * margin.Length);
            var lines = Sequences.ToList(StringMethods.Find(text + "\n", "splitlines")!.Invoke(new Arguments("splitlines", [])));
            Budget.Current.SpendText((long)(lines.Count - feeds) * margin.Length);
            var result = new StringBuilder(first ? margin : "").Append(lines[0]);
            foreach (var line in lines.Skip(1))
                result.Append('\n').Append(blank || line is not "" ? margin : "").Append(line);
            return result.ToString();
        });
    }

    private static object? Truncate(object? value, Arguments arguments)
    {
        var length = arguments.OptionalInteger("length", 255);
        var kill = arguments.OptionalTruth("killwords", false);
        var end = arguments.OptionalText("end") ?? "...";
        var leeway = arguments.Optional("leeway") is { } given ? Numbers.ToIndex(given) : TruncateLeeway;
        arguments.End();
        var endLength = Characters.Count(end);
        if (length < endLength || leeway < 0)
            throw new EngineException($"the filter 'truncate' needs a length of at least {endLength} and no negative leeway");
        if (Sequences.Length(value) <= length + leeway)
            return value;
        if (!Kinds.IsText(value, out _))
            throw new EngineException($"the filter 'truncate' needs a text, not {Kinds.Name(value)}");
        return Filters.Soft(value, text =>
        {
            var kept = text[..Characters.Unit(text, length - endLength)];
            var space = kill ? -1 : kept.LastIndexOf(' ');
            return (space >= 0 ? kept[..space] : kept) + end;
        });
    }

    private static long WordCount(string text)
    {
        var (count, inWord) = (0L, false);
        for (var i = 0; i < text.Length; i += Characters.Width(text, i))
        {
            var word = Characters.IsWord(text, i);
            count += word && !inWord ? 1 : 0;
            inWord = word;
        }

        return count;
    }

    private static string StripTags(string text)
    {
        text = RemoveBetween(RemoveBetween(text, "<!--", "-->"), "<", ">");
        return WebUtility.HtmlDecode(string.Join(' ', Sequences.ToList(StringMethods.Find(text, "split")!.Invoke(new Arguments("split", [])))));
    }

    private static string RemoveBetween(string text, string open, string close)
    {
        var result = new StringBuilder();
        var at = 0;
        for (int start; (start = text.IndexOf(open, at, StringComparison.Ordinal)) >= 0;)
        {
            var end = text.IndexOf(close, start, StringComparison.Ordinal);
            if (end < 0)
                break;
            result.Append(text, at, start - at);
            at = end + close.Length;
        }

        return result.Append(text, at, text.Length - at).ToString();
    }

    private static object? UrlEncode(object? value, Arguments arguments)
    {
        arguments.End();
        if (value is DictValue dict)
            return string.Join('&', dict.Items.Select(item => Pair(item.Key, item.Value)));
        if (Kinds.IsText(value, out _) || !Sequences.IsIterable(value))
            return Quote(value);
        return string.Join('&', Sequences.Iterate(value).Select(item => Sequences.ToList(item) is [var key, var content] ? Pair(key, content) : throw new EngineException("the filter 'urlencode' needs pairs")));

        static string Quote(object? part) => Uri.EscapeDataString(TextForm.Str(part)).Replace("%2F", "/");
        static string Form(object? part) => Uri.EscapeDataString(TextForm.Str(part)).Replace("%20", "+");
        static string Pair(object? key, object? content) => $"{Form(key)}={Form(content)}";
    }

    private static object? XmlAttributes(object? value, Arguments arguments)
    {
        var space = arguments.OptionalTruth("autospace", true);
        arguments.End();
        if (value is not DictValue dict)
            throw new EngineException($"the filter 'xmlattr' needs a mapping, not {Kinds.Name(value)}");
        var pairs = dict.Items.Where(item => item.Value is not (null or Undefined)).Select(item =>
        {
            var key = TextForm.Str(item.Key);
            return key.AsSpan().ContainsAny(" \t\n\r\f/>=")
                ? throw new EngineException($"the filter 'xmlattr': '{key}' is no name of an attribute")
                : $"{Escaping.Escape(key)}=\"{Escaping.Escape(item.Value).Text}\"";
        });
        var result = string.Join(' ', pairs);
        return space && result.Length > 0 ? " " + result : result;
    }

    /// <summary>The tojson of transformers: no HTML escaping, non-ASCII as it is.</summary>
    private static object? ToJson(object? value, Arguments arguments)
    {
        var ascii = arguments.OptionalTruth("ensure_ascii", false);
        var indent = arguments.Optional("indent");
        var separators = arguments.Optional("separators");
        var sorted = arguments.OptionalTruth("sort_keys", false);
        arguments.End();
        return JsonText.Dump(value, ascii, indent, separators, sorted);
    }

    private static object? FileSize(object? value, Arguments arguments)
    {
        var binary = arguments.OptionalTruth("binary", false);
        arguments.End();
        var bytes = ValueFilters.TryFloat(value) ?? throw new EngineException("the filter 'filesizeformat' needs a number");
        double unit = binary ? 1024 : 1000;
        if (bytes == 1)
            return "1 Byte";
        if (bytes < unit)
            return string.Create(CultureInfo.InvariantCulture, $"{Math.Truncate(bytes):0} Bytes");
        var prefixes = binary ? new[] { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB" } : ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
        var index = 0;
        var size = unit * unit;
        for (; index < prefixes.Length - 1 && bytes >= size; index++)
            size *= unit;
        return $"{FloatText.Fixed(unit * bytes / size, 1)} {prefixes[index]}";
    }
}

using System.Globalization;
using System.Text;

namespace Afina.Text.Templates.Library;

/// <summary>strftime in the C locale, with glibc's flags.</summary>
internal static class Strftime
{
    public static string Format(DateTime time, string format)
    {
        var result = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }

            var flag = '\0';
            var at = i + 1;
            while (at < format.Length && format[at] is '-' or '_' or '0' or '^' or '#')
                flag = format[at++];
            if (at + 1 < format.Length && format[at] is 'E' or 'O' && Item(time, format[at + 1]) is not null)
                at++;
            if (at == format.Length || Item(time, format[at]) is not { } item)
            {
                result.Append(format, i, Math.Min(at + 1, format.Length) - i);
                i = at;
                continue;
            }

            result.Append(flag switch
            {
                '-' => Unpadded(item),
                '_' when Unpadded(item) is var bare => bare.PadLeft(item.Length),
                '0' => item.Replace(' ', '0'),
                '#' when format[at] == 'p' => item.ToLowerInvariant(),
                '^' or '#' => item.ToUpperInvariant(),
                _ => item,
            });
            i = at;
        }

        return result.ToString();
    }

    private static string Unpadded(string item) => item.TrimStart('0', ' ') is { Length: > 0 } bare ? bare : "0";

    private static string? Item(DateTime time, char directive) => directive switch
    {
        'a' => Text(time, "ddd"),
        'A' => Text(time, "dddd"),
        'b' or 'h' => Text(time, "MMM"),
        'B' => Text(time, "MMMM"),
        'c' => $"{Text(time, "ddd MMM")} {time.Day,2} {Text(time, "HH:mm:ss yyyy")}",
        'C' => $"{time.Year / 100:00}",
        'd' => Text(time, "dd"),
        'D' or 'x' => Text(time, "MM'/'dd'/'yy"),
        'e' => $"{time.Day,2}",
        'f' => Text(time, "ffffff"),
        'F' => Text(time, "yyyy'-'MM'-'dd"),
        'g' => $"{ISOWeek.GetYear(time) % 100:00}",
        'G' => $"{ISOWeek.GetYear(time)}",
        'H' => Text(time, "HH"),
        'I' => Text(time, "hh"),
        'j' => $"{time.DayOfYear:000}",
        'k' => $"{time.Hour,2}",
        'l' => $"{(time.Hour + 11) % 12 + 1,2}",
        'm' => Text(time, "MM"),
        'M' => Text(time, "mm"),
        'n' => "\n",
        'p' => Text(time, "tt"),
        'P' => Text(time, "tt").ToLowerInvariant(),
        'r' => Text(time, "hh':'mm':'ss tt"),
        'R' => Text(time, "HH':'mm"),
        's' => $"{new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Local)).ToUnixTimeSeconds()}",
        'S' => Text(time, "ss"),
        't' => "\t",
        'T' or 'X' => Text(time, "HH':'mm':'ss"),
        'u' => $"{((int)time.DayOfWeek + 6) % 7 + 1}",
        'U' => $"{(time.DayOfYear + 6 - (int)time.DayOfWeek) / 7:00}",
        'V' => $"{ISOWeek.GetWeekOfYear(time):00}",
        'w' => $"{(int)time.DayOfWeek}",
        'W' => $"{(time.DayOfYear + 6 - ((int)time.DayOfWeek + 6) % 7) / 7:00}",
        'y' => Text(time, "yy"),
        'Y' => $"{time.Year}",
        'z' or 'Z' => "",
        '%' => "%",
        _ => null,
    };

    private static string Text(DateTime time, string format) => time.ToString(format, CultureInfo.InvariantCulture);
}

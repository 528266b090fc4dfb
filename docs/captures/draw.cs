// Draws a terminal capture with its colours (tmux capture-pane -p -e) as SVG: dotnet run docs/captures/draw.cs < capture > picture.svg
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

const double Column = 8.0, Line = 17.0, Margin = 16.0;
string[] colours = ["#6e7681", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#d0d7de"];
Console.InputEncoding = Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
var lines = Console.In.ReadToEnd().TrimEnd().Split('\n').Select(line => line.TrimEnd('\r')).ToList();
var width = Math.Max(lines.Max(line => Regex.Replace(line, "\u001b\\[[0-9;]*m", "").Length), 80) * Column + 2 * Margin;
var height = lines.Count * Line + 2 * Margin;
Console.WriteLine(Text($"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13">"""));
Console.WriteLine("""<rect width="100%" height="100%" rx="8" fill="#0d1117"/>""");
var (colour, isBold) = (colours[7], false);
for (var i = 0; i < lines.Count; i++)
{
    var (column, y) = (0, Margin + (i + 0.75) * Line);
    foreach (Match part in Regex.Matches(lines[i], "\u001b\\[([0-9;]*)m|[^\u001b]+"))
    {
        if (!part.Groups[1].Success)
        {
            // The length is given, so that no font shifts what follows.
            if (part.Value.Trim().Length > 0)
                Console.WriteLine(Text($"""<text x="{Margin + column * Column}" y="{y}" fill="{colour}"{(isBold ? " font-weight=\"bold\"" : "")} textLength="{part.Length * Column}" lengthAdjust="spacingAndGlyphs" xml:space="preserve">{WebUtility.HtmlEncode(part.Value)}</text>"""));
            column += part.Length;
            continue;
        }

        var codes = part.Groups[1].Value.Split(';').Select(code => int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0).ToList();
        for (var at = 0; at < codes.Count; at++)
        {
            switch (codes[at])
            {
                case 38 when at + 2 < codes.Count && codes[at + 1] == 5:
                    colour = colours[codes[at + 2] == 8 ? 0 : codes[at + 2] & 7];
                    at += 2;
                    break;
                case 1:
                    isBold = true;
                    break;
                case >= 30 and <= 37:
                    colour = colours[codes[at] - 30];
                    break;
                case >= 90 and <= 97:
                    colour = colours[codes[at] - 90];
                    break;
                case 0 or 39:
                    (colour, isBold) = (colours[7], codes[at] != 0 && isBold);
                    break;
            }
        }
    }
}

Console.WriteLine("</svg>");

static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

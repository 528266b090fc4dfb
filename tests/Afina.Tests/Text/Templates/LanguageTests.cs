using Afina.Text.Templates;
using Xunit;

namespace Afina.Tests.Text.Templates;

/// <summary>Expected texts are what Jinja2 3.1.6 in transformers' settings gives.</summary>
public sealed class LanguageTests
{
    [Theory]
    [InlineData("{% if true %}\n\nA{% endif %}\n", "\nA")]
    [InlineData("  {% if true %}\nA\n  {% endif %}\nB", "A\nB")]
    [InlineData("x  {% if true %}A{% endif %}", "x  A")]
    [InlineData("a\n\n{%- if true -%}\n\n b \n{%- endif %}\nc", "abc")]
    [InlineData("\t {%+ if true +%}\ny{% endif %}", "\t \ny")]
    [InlineData("{% raw %}{{ x }}{% endraw %}\nq", "{{ x }}q")]
    [InlineData("l1\r\n{% if true %}\r\nl2{% endif %}\r\n", "l1\nl2")]
    public void White_space_follows_trim_and_lstrip(string template, string text) => Assert.Equal(text, Rendering.Render(template));

    [Theory]
    [InlineData("{% set n = 0 %}{% for i in [1,2] %}{% set n = n + i %}{% endfor %}{{ n }}", "0")]
    [InlineData("{% for i in [1] %}{{ x }}{% endfor %}{% set x = 9 %}{{ x }}", "9")]
    [InlineData("{% if false %}{% set x = 1 %}{% endif %}{{ x }}", "5")]
    [InlineData("{% macro f() %}{{ x }}{% endmacro %}{{ f() }}{% set x = 9 %}{{ f() }}", "9")]
    [InlineData("{% set x = 1 %}{% with x = 2, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}", "211")]
    [InlineData("{% generation %}{% set z = 1 %}{{ z }}{% endgeneration %}{{ z }}", "1")]
    [InlineData("{% for i in [1,2] %}{% continue %}{% else %}else{% endfor %}", "else")]
    [InlineData("{% for i in range(3) %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% endfor %}", "0")]
    [InlineData("{% set ns = namespace(m=[1,2]) %}{% for q in ns.m[::-1] %}{{ q }}{% set ns.m = [] %}{% endfor %}{{ ns.m }}", "21[]")]
    public void Names_live_where_Jinja_lets_them(string template, string text) => Assert.Equal(text, Rendering.Render(template, """{"x": 5}"""));

    [Theory]
    [InlineData("-2 ** 2", "4")]
    [InlineData("2 ** 3 ** 2", "64")]
    [InlineData("7 // -2", "-4")]
    [InlineData("-7.5 % 2", "0.5")]
    [InlineData("1 / 3", "0.3333333333333333")]
    [InlineData("1e16 ~ ' ' ~ 1.5e-5 ~ ' ' ~ 100.0", "1e+16 1.5e-05 100.0")]
    [InlineData("2 ** 100", "1267650600228229401496703205376")]
    [InlineData("2.675|round(2)", "2.67")]
    [InlineData("'%.2f' % 0.125", "0.12")]
    [InlineData("'{:>6,.1f}|{:#x}'.format(1234.56, 255)", "1,234.6|0xff")]
    [InlineData("[1, 1.0, true, none, \"it's\", 'é\\u200b']", "[1, 1.0, True, None, \"it's\", 'é\\u200b']")]
    [InlineData("{'a': (1,), 'b': {}}", "{'a': (1,), 'b': {}}")]
    [InlineData("'a😀b'[::-1] ~ 'a😀b'|length", "b😀a3")]
    [InlineData("[1,2,3][5:0:-1]", "[3, 2]")]
    [InlineData("'ΑΣ straße ﬁ'.title()", "Ας Straße Fi")]
    [InlineData("'straße'|upper", "STRASSE")]
    [InlineData("{1: 'a', true: 'b'}|tojson", "{\"1\": \"b\"}")]
    [InlineData("'<é\\u2028>'|tojson", "\"<é\u2028>\"")]
    [InlineData("('<b>'|safe) + '<i>'", "<b>&lt;i&gt;")]
    [InlineData("u is defined or u ~ 'x'", "x")]
    [InlineData("[u, 1]|select|list", "[1]")]
    [InlineData("1 < 2 < 3 and not 1 in [2]", "True")]
    public void Values_are_Pythons(string expression, string text) => Assert.Equal(text, Rendering.Render("{{ " + expression + " }}"));

    [Theory]
    [InlineData("'a' + 1")]
    [InlineData("u.x is defined")]
    [InlineData("none < 1")]
    [InlineData("[1, 'a']|sort")]
    [InlineData("5|length")]
    [InlineData("u|tojson")]
    [InlineData("'%d' % 'a'")]
    [InlineData("1 // 0")]
    [InlineData("[].append(1)")]
    [InlineData("range(100001)")]
    public void Refuses_what_Python_refuses(string expression) =>
        Assert.Throws<TemplateException>(() => Rendering.Render("{{ " + expression + " }}"));

    [Theory]
    [InlineData("%d %b %Y", "07 Mar 2026")]
    [InlineData("%-d.%-m.%y %I:%M %p", "7.3.26 09:05 AM")]
    [InlineData("%A %j %U %%", "Saturday 066 09 %")]
    [InlineData("%#p %^a %_d|%q|%Od", "am SAT  7|%q|07")]
    public void The_clock_stands_where_it_is_set(string format, string text) => Assert.Equal(text, Rendering.Render($"{{{{ strftime_now('{format}') }}}}"));
}

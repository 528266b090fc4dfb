using System.Diagnostics;
using Afina.Text.Templates;
using Xunit;

namespace Afina.Tests.Text.Templates;

public sealed class HostileTemplateTests
{
    [Theory]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "over")]
    [InlineData("{{ range(1000000000) }}", "over")]
    [InlineData("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "deep")]
    [InlineData("{% for i in [1] recursive %}{{ loop([i]) }}{% endfor %}", "deep")]
    [InlineData("{{ 'a' * 1000000000 }}", "over")]
    [InlineData("{{ 'a'.center(1000000000) }}", "over")]
    [InlineData("{{ '%1000000000d' % 1 }}", "over")]
    [InlineData("{{ '{:1000000000}'.format(1) }}", "over")]
    [InlineData("{{ [0] * 1000000000 }}", "over")]
    [InlineData("{{ 9 ** (9 ** 9) }}", "bits")]
    [InlineData("{% set ns = namespace(x='abc') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}", "over")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}", "over")]
    [InlineData("{% set ns = namespace(x=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}", "over")]
    [InlineData("{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}", "over")]
    [InlineData("{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}", "deep")]
    [InlineData("{% set s = 'text' * 1000 %}{% for i in range(100000) %}{{ s }}{% endfor %}", "over")]
    [InlineData("{{ 'x'.join(range(100000)|map('string'))|replace('', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy') }}", "over")]
    [InlineData("{{ ('a' * 10000000)|indent('b' * 1000000) ~ ('\\n' * 10000000)|indent('b' * 1000000, blank=true) }}", "over")]
    public void Stops_with_one_clear_line(string template, string part)
    {
        var clock = Stopwatch.StartNew();
        var error = Assert.Throws<TemplateException>(() => Rendering.Render(template));
        Assert.Contains(part, error.Message);
        Assert.StartsWith("chat template test, line 1: ", error.Message);
        Assert.False(error.RaisedByTemplate);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(8), $"took {clock.Elapsed}");
    }

    [Fact]
    public void Stops_at_the_time_limit()
    {
        var limits = new TemplateLimits { Time = TimeSpan.FromMilliseconds(50), Steps = long.MaxValue };
        var error = Assert.Throws<TemplateException>(() =>
            Rendering.Render("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", limits: limits));
        Assert.Contains("seconds", error.Message);
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("not ", "")]
    [InlineData("-", "")]
    [InlineData("{'a':", "}")]
    public void Refuses_deep_expressions(string open, string close)
    {
        var template = "{{ " + string.Concat(Enumerable.Repeat(open, 20000)) + "1" + string.Concat(Enumerable.Repeat(close, 20000)) + " }}";
        Assert.ThrowsAny<Exception>(() => Rendering.Render(template)).IsRefusal();
    }

    [Theory]
    [InlineData("+1")]
    [InlineData("|abs")]
    [InlineData(".a")]
    [InlineData("[0]")]
    [InlineData(" and 1")]
    [InlineData(" is odd")]
    [InlineData("()")]
    public void Survives_long_chains(string link) =>
        Assert.ThrowsAny<Exception>(() => Rendering.Render("{{ 1" + string.Concat(Enumerable.Repeat(link, 20000)) + " + {} }}")).IsRefusal();

    [Fact]
    public void Refuses_deep_blocks()
    {
        var template = string.Concat(Enumerable.Repeat("{% if 1 %}", 5000)) + string.Concat(Enumerable.Repeat("{% endif %}", 5000));
        Assert.Contains("nested", Assert.Throws<FormatException>(() => Rendering.Render(template)).Message);
    }

    [Theory]
    [InlineData("{{ [].append(1) }}")]
    [InlineData("{{ {}.update({}) }}")]
    [InlineData("{{ ''.__class__.__mro__ }}")]
    [InlineData("{{ (1).GetType() }}")]
    [InlineData("{{ messages.constructor() }}")]
    [InlineData("{% include 'secret' %}")]
    [InlineData("{% set ns = namespace(_x=1) %}")]
    public void Gives_no_way_out_of_the_sandbox(string template) =>
        Assert.Throws<TemplateException>(() => Rendering.Render(template, """{"messages": []}"""));

    private static readonly string[] Pieces =
        ["{{", "}}", "{%", "%}", "{#", "#}", "if", "for", "in", "endif", "endfor", "set", "x", "=", "1", "'a'", "\"", "|", "upper", "is", "(", ")", "[", "]", "{", "}", ".", ":", "-", "+", " ", "\n", "\\", "raw", "endraw", "macro", "m()", "😀", "\uD800"];

    [Fact]
    public void Random_text_renders_or_is_refused()
    {
        var random = new Random(7);
        for (var i = 0; i < 5000; i++)
        {
            var template = string.Concat(Enumerable.Range(0, random.Next(1, 14)).Select(_ => Pieces[random.Next(Pieces.Length)]));
            try
            {
                Rendering.Render(template);
            }
            catch (Exception error)
            {
                error.IsRefusal();
            }
        }
    }
}

internal static class Refusals
{
    /// <summary>Fails unless the exception is one that a caller is told about, and not a fault of the engine.</summary>
    public static void IsRefusal(this Exception error) => Assert.True(
        error is FormatException || (error is TemplateException && error.InnerException is null or EngineException),
        error.ToString());
}

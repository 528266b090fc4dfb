namespace Afina.Text.Templates.Values;

/// <summary>HTML escaping, as the <c>escape</c> filter does it.</summary>
internal static class Escaping
{
    public static string Escape(string text) => text.AsSpan().ContainsAny("&<>'\"")
        ? text.Replace("&", "&amp;").Replace(">", "&gt;").Replace("<", "&lt;").Replace("'", "&#39;").Replace("\"", "&#34;")
        : text;

    /// <summary>The escaped text of a value; safe text stays.</summary>
    public static Markup Escape(object? value) => value as Markup ?? new Markup(Escape(TextForm.Str(value)));
}

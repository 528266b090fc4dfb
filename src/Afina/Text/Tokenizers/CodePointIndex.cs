namespace Afina.Text.Tokenizers;

/// <summary>Converts between UTF-16 and code-point places of one text.</summary>
internal sealed class CodePointIndex
{
    private readonly int[]? _toPoints;
    private readonly int[]? _toUnits;

    public CodePointIndex(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return;
        _toPoints = new int[text.Length + 1];
        _toUnits = new int[text.Length + 1];
        var points = 0;
        for (var unit = 0; unit < text.Length; points++)
        {
            _toUnits[points] = unit;
            _toPoints[unit] = points;
            if (char.IsHighSurrogate(text[unit]) && unit + 1 < text.Length && char.IsLowSurrogate(text[unit + 1]))
                _toPoints[++unit] = points;
            unit++;
        }

        _toPoints[text.Length] = points;
        _toUnits[points] = text.Length;
    }

    public int ToPoints(int unit) => _toPoints is null ? unit : _toPoints[unit];

    public int ToUnits(int point) => _toUnits is null ? point : _toUnits[point];
}

namespace Afina.Formats.Peft;

/// <summary>A number that remembers whether Python wrote it as an integer or as a float, so that it is written back the same.</summary>
public readonly record struct PeftNumber(double Value, bool IsFloat)
{
    public static implicit operator PeftNumber(int value) => new(value, false);

    public static implicit operator PeftNumber(double value) => new(value, true);

    public static implicit operator double(PeftNumber number) => number.Value;

    /// <inheritdoc/>
    public override string ToString() => IsFloat ? PythonJson.Float(Value) : ((long)Value).ToString(System.Globalization.CultureInfo.InvariantCulture);
}

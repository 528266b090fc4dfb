using System.Globalization;

namespace Afina.Adapters;

/// <summary>Counts of parameters as PEFT prints them.</summary>
internal static class TrainableParameters
{
    /// <summary>The line of <c>print_trainable_parameters</c>.</summary>
    public static string Line(long trainable, long all) => string.Create(
        CultureInfo.InvariantCulture,
        $"trainable params: {trainable:N0} || all params: {all:N0} || trainable%: {Percent(all == 0 ? 0 : 100.0 * trainable / all)}");

    /// <summary>Python rounds halves to even, .NET away from zero; only multiples of 1/32 can be halves of the fourth digit.</summary>
    private static string Percent(double value) => double.IsInteger(value * 32)
        ? Math.Round((decimal)value, 4, MidpointRounding.ToEven).ToString("F4", CultureInfo.InvariantCulture)
        : value.ToString("F4", CultureInfo.InvariantCulture);
}

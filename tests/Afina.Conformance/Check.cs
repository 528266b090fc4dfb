using System.Text.Json;

namespace Afina.Conformance;

/// <summary>Collects the comparisons of one case: a value passes if |got − expected| ≤ atol + rtol · |expected|.</summary>
internal sealed class Check(JsonElement @case)
{
    private readonly List<string> _failures = [];
    private readonly SortedDictionary<string, (double Error, double Relative)> _seen = new(StringComparer.Ordinal);
    private (string Name, double Relative)? _judged;

    /// <summary>The largest error, as a multiple of the allowed one.</summary>
    public double WorstRatio { get; private set; }

    /// <summary>The largest absolute error.</summary>
    public double LargestError { get; private set; }

    /// <summary>How many values were compared.</summary>
    public long Compared { get; private set; }

    /// <summary>What went wrong, in the order of the comparisons.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>With <see cref="JudgeOnly"/>: how far each name was off.</summary>
    public string Report => string.Join(", ", _seen.Select(entry => entry.Key == _judged?.Name
        ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{entry.Key} off by at most {100 * entry.Value.Relative:F3} %")
        : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{entry.Key} by {entry.Value.Error:G3} (not judged)")));

    /// <summary>For reduced precision: numbers of that name must be within a share of the expected ones; all others are only reported.</summary>
    public void JudgeOnly(string name, double relative) => _judged = (name, relative);

    /// <summary>Records a failure in words.</summary>
    public void Fail(string message) => _failures.Add(message);

    /// <summary>Compares two exact values.</summary>
    public void Equal<T>(T expected, T got, string what)
    {
        Compared++;
        if (!EqualityComparer<T>.Default.Equals(expected, got))
            Fail($"{what}: expected {Short(expected)}, got {Short(got)}");
    }

    /// <summary>Compares two sequences of exact values.</summary>
    public void Same<T>(IReadOnlyList<T> expected, IReadOnlyList<T> got, string what)
    {
        Compared += expected.Count;
        for (var i = 0; i < Math.Max(expected.Count, got.Count); i++)
        {
            if (i < expected.Count && i < got.Count && EqualityComparer<T>.Default.Equals(expected[i], got[i]))
                continue;
            Fail($"{what}: differs at {i} (expected {expected.Count} values, {(i < expected.Count ? Short(expected[i]) : "end")}; got {got.Count}, {(i < got.Count ? Short(got[i]) : "end")})");
            return;
        }
    }

    /// <summary>Compares numbers within the case's tolerance for <paramref name="name"/> (longest matching beginning in <c>tolerances</c>).</summary>
    public void Close(ReadOnlySpan<float> expected, ReadOnlySpan<float> got, string name)
    {
        if (_judged is null || expected.Length != got.Length)
        {
            Close(expected, got, name, Tolerance(name));
            return;
        }

        for (var i = 0; i < expected.Length; i++)
            Close(expected[i], got[i], name);
    }

    /// <summary>Compares numbers within a given tolerance.</summary>
    public void Close(ReadOnlySpan<float> expected, ReadOnlySpan<float> got, string name, (double Absolute, double Relative) tolerance)
    {
        if (expected.Length != got.Length)
        {
            Fail($"{name}: expected {expected.Length} values, got {got.Length}");
            return;
        }

        var (atol, rtol) = tolerance;
        var worst = 0.0;
        var at = -1;
        for (var i = 0; i < expected.Length; i++)
        {
            var error = got[i].Equals(expected[i]) ? 0 : Math.Abs((double)got[i] - expected[i]);
            var ratio = !double.IsFinite(error) ? double.PositiveInfinity : error / Math.Max(atol + rtol * Math.Abs((double)expected[i]), 1e-300);
            if (ratio > worst)
                (worst, at) = (ratio, i);
            LargestError = Math.Max(LargestError, error);
        }

        Compared += expected.Length;
        WorstRatio = Math.Max(WorstRatio, worst);
        if (worst > 1)
            Fail($"{name}: at {at} expected {expected[at]:G9}, got {got[at]:G9} ({worst:G3} times the tolerance {atol:G2} + {rtol:G2}·|x|)");
    }

    /// <summary>Compares numbers of which the case's tolerance may ask only a share to be within it, the others within <c>atol_rest</c> where it is given.</summary>
    public void CloseInShare(ReadOnlySpan<float> expected, ReadOnlySpan<float> got, string name)
    {
        if (Written(name) is not { ValueKind: JsonValueKind.Object } tolerance || !tolerance.TryGetProperty("share", out var share) || _judged is not null || expected.Length != got.Length)
        {
            Close(expected, got, name);
            return;
        }

        var (atol, rtol) = Tolerance(name);
        var rest = tolerance.TryGetProperty("atol_rest", out var found) ? found.GetDouble() : double.PositiveInfinity;
        var outside = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            var error = Math.Abs((double)got[i] - expected[i]);
            if (error <= atol + rtol * Math.Abs((double)expected[i]))
                continue;
            outside++;
            if (!(error <= rest) || !float.IsFinite(got[i]))
                Fail($"{name}: at {i} expected {expected[i]:G9}, got {got[i]:G9}");
        }

        Compared += expected.Length;
        LargestError = Math.Max(LargestError, outside / Math.Max(expected.Length, 1.0));
        WorstRatio = Math.Max(WorstRatio, outside / Math.Max((1 - share.GetDouble()) * expected.Length, 1e-9));
        if (outside > (1 - share.GetDouble()) * expected.Length)
            Fail($"{name}: {outside} of {expected.Length} numbers are outside the tolerance {atol:G2} + {rtol:G2}·|x|, of which {share.GetDouble():P1} must be within");
    }

    /// <summary>Compares one number within the tolerance for <paramref name="name"/>.</summary>
    public void Close(double expected, double got, string name)
    {
        var (atol, rtol) = Tolerance(name);
        var error = Math.Abs(got - expected);
        if (_judged is { } judged)
        {
            var seen = _seen.GetValueOrDefault(name);
            _seen[name] = (Math.Max(seen.Error, error), Math.Max(seen.Relative, error / Math.Abs(expected)));
            if (judged.Name != name)
                return;
            (atol, rtol) = (0, judged.Relative);
        }

        var ratio = double.IsNaN(error) ? double.PositiveInfinity : error / Math.Max(atol + rtol * Math.Abs(expected), 1e-300);
        Compared++;
        LargestError = Math.Max(LargestError, error);
        WorstRatio = Math.Max(WorstRatio, ratio);
        if (ratio > 1)
            Fail($"{name}: expected {expected:G9}, got {got:G9} ({ratio:G3} times the tolerance {atol:G2} + {rtol:G2}·|x|)");
    }

    /// <summary>A tolerance written as an object of its own in the case.</summary>
    public (double Absolute, double Relative) Named(string field) =>
        (Number(@case.GetProperty(field), "atol"), Number(@case.GetProperty(field), "rtol"));

    /// <summary>The tolerance that holds for a tensor's name.</summary>
    public (double Absolute, double Relative) Tolerance(string name) => Written(name) is { ValueKind: JsonValueKind.Object } best
        ? (Number(best, "atol"), Number(best, "rtol"))
        : (0, 0);

    private JsonElement Written(string name)
    {
        var best = @case.TryGetProperty("tolerance", out var common) ? common : default;
        var length = -1;
        if (@case.TryGetProperty("tolerances", out var special))
        {
            foreach (var entry in special.EnumerateObject())
            {
                if (name.StartsWith(entry.Name, StringComparison.Ordinal) && entry.Name.Length > length)
                    (best, length) = (entry.Value, entry.Name.Length);
            }
        }

        return best;
    }

    private static double Number(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetDouble() : 0;

    private static string Short<T>(T value)
    {
        var text = $"{value}";
        return text.Length > 160 ? text[..160] + "…" : text;
    }
}

namespace Afina;

/// <summary>Finds what a misspelt name was meant to be.</summary>
internal static class NearestName
{
    /// <summary>The candidate with the fewest edits to <paramref name="name"/>, or null where none is close (more than a third of the
    /// letters differ). Case, '-' and '_' do not count; the first of equals wins.</summary>
    public static string? Find(string name, IEnumerable<string> candidates)
    {
        var wanted = Fold(name);
        string? best = null;
        var fewest = int.MaxValue;
        foreach (var candidate in candidates)
        {
            var folded = Fold(candidate);
            var longest = Math.Max(wanted.Length, folded.Length);
            var allowed = Math.Max(1, longest / 3);
            if (Math.Abs(wanted.Length - folded.Length) > allowed)
                continue;
            var edits = Edits(wanted, folded);
            if (edits <= allowed && edits < fewest)
                (best, fewest) = (candidate, edits);
        }

        return best;
    }

    /// <summary>" (did you mean X?)", or nothing where no candidate is close.</summary>
    public static string Hint(string name, IEnumerable<string> candidates) =>
        Find(name, candidates) is { } nearest ? $" (did you mean {nearest}?)" : "";

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.</summary>
    internal static int Edits(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        var beforeLast = new int[b.Length + 1];
        var last = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            last[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(replace, Math.Min(last[j], current[j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    current[j] = Math.Min(current[j], beforeLast[j - 2] + 1);
            }

            (beforeLast, last, current) = (last, current, beforeLast);
        }

        return last[b.Length];
    }

    private static string Fold(string name) => name.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
}

namespace Afina.Adapters.Targeting;

/// <summary>Shortens a long list of module paths to endings that choose exactly these modules (as PEFT does from twenty names on).</summary>
internal static class NameCompaction
{
    /// <summary>From this many names on a list is shortened.</summary>
    public const int Least = 20;

    /// <summary>The shorter list, or the paths themselves where there are few or no ending tells them apart.</summary>
    public static IReadOnlyList<string> Shorten(IReadOnlyList<string> targets, IEnumerable<string> all)
    {
        if (targets.Count < Least)
            return targets;
        var chosen = targets.ToHashSet(StringComparer.Ordinal);
        var foreign = new HashSet<string>(StringComparer.Ordinal);
        foreach (var other in all.Where(name => !chosen.Contains(name)))
            foreign.UnionWith(Endings(other));
        var kept = new List<string>();
        foreach (var target in targets)
        {
            if (TargetMatcher.EndsWithAny(target, kept))
                continue;
            if (Endings(target).FirstOrDefault(ending => !foreign.Contains(ending)) is not { } ending)
                return targets;
            kept.Add(ending);
        }

        return kept.Count < targets.Count ? kept : targets;
    }

    private static IEnumerable<string> Endings(string path)
    {
        for (var dot = path.LastIndexOf('.'); dot >= 0; dot = dot == 0 ? -1 : path.LastIndexOf('.', dot - 1))
            yield return path[(dot + 1)..];
        yield return path;
    }
}

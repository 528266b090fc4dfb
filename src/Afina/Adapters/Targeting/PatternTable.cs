using Afina.Formats.Peft;

namespace Afina.Adapters.Targeting;

/// <summary><c>rank_pattern</c> or <c>alpha_pattern</c>: the first expression that matches the end of a module's path counts.</summary>
internal sealed class PatternTable(IEnumerable<KeyValuePair<string, PeftNumber>> pattern)
{
    private readonly (string Key, PythonRegex Regex, double Value)[] _entries =
        [.. pattern.Select(entry => (entry.Key, PythonRegex.Start($@"(.*\.)?({entry.Key})$"), entry.Value.Value))];

    /// <summary>The module's own number, or the common one.</summary>
    public double Find(string module, double common)
    {
        foreach (var (_, regex, value) in _entries)
        {
            if (regex.IsMatch(module))
                return value;
        }

        return common;
    }

    /// <summary>Refuses a table whose meaning depends on the order of its keys, because adapter_config.json is saved with sorted keys.</summary>
    /// <exception cref="FormatException">With the module and the two expressions that disagree on it.</exception>
    public void RequireAnyOrder(string name, IEnumerable<string> modules)
    {
        foreach (var module in modules)
        {
            var hits = _entries.Where(entry => entry.Regex.IsMatch(module)).ToArray();
            if (hits.Length > 1 && hits.MinBy(hit => hit.Key, StringComparer.Ordinal).Value != hits[0].Value)
                throw new FormatException($"{name}: '{hits[0].Key}' and '{hits[1].Key}' both match {module} and give different numbers; the order of keys is lost when an adapter is saved, so write expressions that do not overlap");
        }
    }
}

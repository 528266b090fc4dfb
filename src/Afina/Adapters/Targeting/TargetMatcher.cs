using System.Globalization;
using Afina.Formats.Peft;

namespace Afina.Adapters.Targeting;

/// <summary>Decides by a module's path whether an adapter has a part there, in PEFT's order of rules.</summary>
internal sealed class TargetMatcher
{
    private readonly LoraConfig _config;
    private readonly PythonRegex? _exclude, _target;
    private readonly PythonRegex[] _saved, _layers;

    /// <summary>Prepares the expressions of a configuration whose <c>target_modules</c> is a list or an expression.</summary>
    public TargetMatcher(LoraConfig config)
    {
        _config = config;
        _exclude = config.ExcludeModules?.Pattern is { } excluded ? PythonRegex.Full(excluded) : null;
        _target = config.TargetModules?.Pattern is { } pattern ? PythonRegex.Full(pattern) : null;
        _saved = [.. (config.ModulesToSave ?? []).Select(name => PythonRegex.Start($@"(^|.*\.){name}($|\..*)"))];
        _layers = config.LayersPattern?.Where(layers => layers.Length > 0).ToArray() is { Length: > 0 } names
            ? [.. names.Select(layers => PythonRegex.Start($@".*?\.{layers}\.(\d+)\."))]
            : [PythonRegex.Start(@".*?\.[^.]*\.(\d+)\.")];
    }

    /// <summary>True where the module is a target.</summary>
    public bool IsTarget(string module) => !IsExcluded(module) && IsNamed(module);

    /// <summary>True where <c>exclude_modules</c> or <c>modules_to_save</c> takes the module out.</summary>
    public bool IsExcluded(string module) =>
        (_exclude?.IsMatch(module) ?? EndsWithAny(module, _config.ExcludeModules?.Names)) || Array.Exists(_saved, saved => saved.IsMatch(module));

    /// <summary>True where <c>target_modules</c> and <c>layers_to_transform</c> choose the module.</summary>
    public bool IsNamed(string module)
    {
        if (_target is not null)
            return _target.IsMatch(module);
        if (_config.TargetModules?.Names is not { } names)
            return false;
        // A full path is a hit in any layer.
        if (names.Contains(module))
            return true;
        return EndsWithAny(module, names) && IsInLayers(module);
    }

    /// <summary>True where one of the names is the path or ends it after a dot.</summary>
    internal static bool EndsWithAny(string module, IReadOnlyList<string>? names) => names is not null && names.Any(name => EndsWith(module, name));

    internal static bool EndsWith(string module, string name) =>
        module == name || (module.Length > name.Length && module[^(name.Length + 1)] == '.' && module.EndsWith(name, StringComparison.Ordinal));

    private bool IsInLayers(string module)
    {
        if (_config.LayersToTransform is not { Count: > 0 } layers)
            return true;
        foreach (var pattern in _layers)
        {
            var match = pattern.Match(module);
            if (match.Success)
                return int.TryParse(match.Groups[^1].ValueSpan, CultureInfo.InvariantCulture, out var index) && layers.Contains(index);
        }

        return false;
    }
}

using Afina.Formats.Peft;
using Afina.Text.Tokenizers;

namespace Afina.Runs;

/// <summary>What an adapter's folder says beside its tensors: the base model, the tokenizer.</summary>
internal static class AdapterBase
{
    /// <summary>The tokenizer, with the template, that an adapter was trained with; null: the model's own.</summary>
    public static Tokenizer? Tokenizer(string? adapter) =>
        adapter is not null && File.Exists(Path.Combine(adapter, "tokenizer.json")) ? Text.Tokenizers.Tokenizer.Load(adapter) : null;

    /// <summary>The base to open: the one that is given, the one that the adapter names, or without an adapter the one that comes with Afina.</summary>
    /// <exception cref="FileNotFoundException">The adapter, or the base that it names, is not here.</exception>
    /// <exception cref="InvalidDataException">The folder holds no adapter, or names no base.</exception>
    public static string Resolve(string? given, string? adapter)
    {
        if (adapter is null)
            return BaseModels.Resolve(given);
        if (!Directory.Exists(adapter))
            throw new FileNotFoundException($"no such adapter: {adapter}{PathHint.Of(adapter)}");
        if (given is not null)
            return BaseModels.Resolve(given);
        var named = PeftFolder.Config(adapter).BaseModelNameOrPath;
        if (string.IsNullOrEmpty(named))
            throw new InvalidDataException($"{adapter}: the adapter does not say which base it was trained over: name the model's folder or file with --base");
        try
        {
            return BaseModels.Resolve(named);
        }
        catch (FileNotFoundException)
        {
            throw new FileNotFoundException($"{adapter}: the adapter was trained over {named}, which is not here: name the model's folder or file with --base");
        }
    }
}

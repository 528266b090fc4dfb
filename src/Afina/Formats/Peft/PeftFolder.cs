using Afina.Engine.Tensors;
using Afina.Formats.Safetensors;

namespace Afina.Formats.Peft;

/// <summary>A tensor of an adapter, as 32-bit floats.</summary>
/// <param name="Key">Its canonical key.</param>
/// <param name="Shape">Its dimensions, slowest first.</param>
/// <param name="Values">Its elements.</param>
public sealed record PeftTensor(string Key, long[] Shape, ReadOnlyMemory<float> Values);

/// <summary>What an adapter folder holds.</summary>
/// <param name="Name">The folder's name, for messages.</param>
/// <param name="Config">Its settings.</param>
/// <param name="Tensors">Its tensors by canonical key.</param>
public sealed record PeftAdapter(string Name, LoraConfig Config, IReadOnlyDictionary<string, PeftTensor> Tensors);

/// <summary>Reads and writes the folders of PEFT: adapter_config.json, adapter_model.safetensors and README.md.</summary>
public static class PeftFolder
{
    /// <summary>The settings' file.</summary>
    public const string ConfigFile = "adapter_config.json";

    /// <summary>The tensors' file.</summary>
    public const string TensorFile = "adapter_model.safetensors";

    /// <summary>The model card.</summary>
    public const string CardFile = "README.md";

    /// <summary>Reads an adapter; F16 and BF16 are widened, and keys of older versions come under today's names.</summary>
    /// <exception cref="InvalidDataException">Something is missing, damaged, not finite or not supported; one line says what.</exception>
    public static PeftAdapter Load(string path)
    {
        var name = Name(path);
        var config = Config(path);
        LoraConfigRules.Require(config, $"{name}/{ConfigFile}");
        var tensorPath = Path.Combine(path, TensorFile);
        if (!File.Exists(tensorPath))
        {
            throw Refusal.For(File.Exists(Path.Combine(path, "adapter_model.bin"))
                ? $"{name}: adapter_model.bin is a pickle, which can run code and is not read; save the adapter as {TensorFile}"
                : $"{name}: there is no {TensorFile}");
        }

        using var file = SafetensorsFile.Open(tensorPath);
        var tensors = new Dictionary<string, PeftTensor>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors.Values)
        {
            if (AdapterKeys.Canonical(tensor.Name) is not { } key)
                continue;
            var values = file.Floats(tensor.Name);
            RequireFinite($"{name}/{TensorFile}", tensor.Name, values);
            if (!tensors.TryAdd(key, new PeftTensor(key, tensor.Shape, values)))
                throw Refusal.For($"{name}/{TensorFile}: '{tensor.Name}' and another tensor both stand for '{key}'; the file holds more than one adapter");
        }

        return tensors.Count == 0
            ? throw Refusal.For($"{name}/{TensorFile}: there are no tensors; the adapter was saved before it was trained, or by sharded training without gathering")
            : new PeftAdapter(name, config, tensors);
    }

    /// <summary>Reads an adapter's settings alone.</summary>
    /// <exception cref="InvalidDataException">They are missing or damaged; one line says what.</exception>
    public static LoraConfig Config(string path)
    {
        var file = Path.Combine(path, ConfigFile);
        return File.Exists(file) ? LoraConfigReader.Read(file) : throw Refusal.For($"{Name(path)}: {Missing(path)}");
    }

    /// <summary>Writes an adapter: into a folder beside <paramref name="path"/> that then takes its name. Files of another kind in a folder
    /// that exists stay; there each of the adapter's files is replaced as a whole.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="config">The settings.</param>
    /// <param name="tensors">The tensors, under canonical keys.</param>
    /// <param name="card">The text of the model card.</param>
    /// <param name="type">How the elements are stored: F32 as PEFT does, or BF16 or F16.</param>
    /// <exception cref="InvalidDataException">A tensor is not finite: nothing is written.</exception>
    public static void Save(string path, LoraConfig config, IReadOnlyCollection<PeftTensor> tensors, string card, DType type = DType.F32)
    {
        foreach (var tensor in tensors)
        {
            RequireFinite(Name(path), tensor.Key, tensor.Values.Span);
            if (type == DType.F16 && Largest(tensor.Values.Span) > (float)Half.MaxValue)
                throw Refusal.For($"{Name(path)}: tensor '{tensor.Key}' has numbers that F16 cannot hold; store the adapter as F32 or BF16");
        }

        path = Path.GetFullPath(path).TrimEnd(Path.DirectorySeparatorChar);
        var parent = Path.GetDirectoryName(path) ?? path;
        var temporary = Path.Combine(parent, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.partial");
        Directory.CreateDirectory(temporary);
        try
        {
            SafetensorsWriter.Write(Path.Combine(temporary, TensorFile), tensors.Select(tensor => SafetensorsSource.From(tensor.Key, tensor.Shape, tensor.Values, type)));
            AtomicFile.Write(Path.Combine(temporary, CardFile), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(card)));
            AtomicFile.Write(Path.Combine(temporary, ConfigFile), stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(LoraConfigWriter.Write(config))));
            if (!Directory.Exists(path))
            {
                Directory.Move(temporary, path);
                return;
            }

            foreach (var file in new[] { TensorFile, CardFile, ConfigFile })
                File.Move(Path.Combine(temporary, file), Path.Combine(path, file), overwrite: true);
        }
        finally
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
        }
    }

    private static string Missing(string path)
    {
        if (!Directory.Exists(path))
            return "there is no such folder";
        var inner = Directory.EnumerateDirectories(path).Where(folder => File.Exists(Path.Combine(folder, ConfigFile))).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal).ToArray();
        if (inner.Length > 0)
            return $"there is no {ConfigFile}, but adapters in the folders {string.Join(", ", inner)}; name one of them";
        return File.Exists(Path.Combine(path, "config.json"))
            ? $"this is a model, not an adapter: there is a config.json but no {ConfigFile}"
            : $"there is no {ConfigFile}; an adapter folder holds {ConfigFile} and {TensorFile}";
    }

    private static void RequireFinite(string where, string key, ReadOnlySpan<float> values)
    {
        var bad = Finite.FirstBad(values);
        if (bad >= 0)
            throw Refusal.For($"{where}: tensor '{key}' has {values[bad]} at element {bad}; its training diverged or the file is damaged");
    }

    private static float Largest(ReadOnlySpan<float> values)
    {
        var largest = 0f;
        foreach (var value in values)
            largest = Math.Max(largest, Math.Abs(value));
        return largest;
    }

    private static string Name(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
}

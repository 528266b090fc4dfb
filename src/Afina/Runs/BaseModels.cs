namespace Afina.Runs;

/// <summary>Finds base models: the one that comes with Afina, or what the user names.</summary>
public static class BaseModels
{
    private const string Folder = "SmolLM2-135M-Instruct";

    /// <summary>The file of the model that comes with Afina: looked for beside the program and upwards, then from the current folder upwards.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static string Embedded()
    {
        foreach (var start in (string[])[AppContext.BaseDirectory, Environment.CurrentDirectory])
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                var models = Path.Combine(folder.FullName, "models", Folder);
                if (Directory.Exists(models) && Directory.EnumerateFiles(models, "*.gguf").Order(StringComparer.Ordinal).FirstOrDefault() is { } file)
                    return file;
            }
        }

        throw new FileNotFoundException($"the model that comes with Afina (models/{Folder}) is not beside the program: name a model with base_model");
    }

    /// <summary>A file or folder of the checkout: looked for beside the program and upwards, then from the current folder upwards.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    public static string Beside(string relative)
    {
        foreach (var start in (string[])[AppContext.BaseDirectory, Environment.CurrentDirectory])
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                if (Path.Combine(folder.FullName, relative) is var path && Path.Exists(path))
                    return path;
            }
        }

        throw new FileNotFoundException($"{relative} is not beside the program: run it from its checkout, or name the data");
    }

    /// <summary>The folder or file that a name stands for.</summary>
    /// <param name="given">What the user gave; null: the model that comes with Afina.</param>
    /// <exception cref="FileNotFoundException">There is no such model.</exception>
    public static string Resolve(string? given)
    {
        if (given is null or Folder or "HuggingFaceTB/" + Folder && !Path.Exists(given))
            return Embedded();
        if (File.Exists(given))
            return given;
        if (!Directory.Exists(given))
            throw new FileNotFoundException($"no such model: {given}{PathHint.Of(given)}{(given.Count(c => c == '/') == 1 && !given.StartsWith('.') ? "; Afina downloads nothing: get the model's folder and name it" : "")}");
        if (!File.Exists(Path.Combine(given, "config.json")) && Directory.GetFiles(given, "*.gguf") is { Length: > 0 } files)
        {
            return files.Length == 1 ? files[0]
                : throw new FileNotFoundException($"{given}: there are several models: name one of {string.Join(", ", files.Select(Path.GetFileName).Order(StringComparer.Ordinal))}");
        }

        return given;
    }
}

using System.Text;
using Afina.Text.Tokenizers.Gguf;

namespace Afina.Text.Tokenizers;

/// <summary>The files that make up a tokenizer, to be written elsewhere byte for byte.</summary>
internal sealed class TokenizerFiles(IReadOnlyDictionary<string, Func<byte[]>> files)
{
    private static readonly string[] Beside = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json"];

    /// <summary>A tokenizer.json and what is beside it, held as bytes: the source may be gone when it is saved.</summary>
    public static TokenizerFiles Copy(string tokenizerJson)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(tokenizerJson))!;
        var files = new Dictionary<string, Func<byte[]>>(StringComparer.Ordinal);
        Take("tokenizer.json", tokenizerJson);
        foreach (var name in Beside.Where(name => File.Exists(Path.Combine(folder, name))))
            Take(name, Path.Combine(folder, name));
        return new TokenizerFiles(files);

        void Take(string name, string path)
        {
            var bytes = File.ReadAllBytes(path);
            files[name] = () => bytes;
        }
    }

    /// <summary>The files that say what GGUF metadata says.</summary>
    public static TokenizerFiles Of(GgufVocabulary vocabulary)
    {
        var writer = new GgufTokenizerWriter(vocabulary);
        var files = new Dictionary<string, Func<byte[]>>(StringComparer.Ordinal)
        {
            ["tokenizer.json"] = writer.TokenizerJson,
            ["tokenizer_config.json"] = writer.ConfigJson,
            ["special_tokens_map.json"] = writer.SpecialTokensJson,
        };
        if (vocabulary.ChatTemplate is { } template)
            files["chat_template.jinja"] = () => Encoding.UTF8.GetBytes(template);
        return new TokenizerFiles(files);
    }

    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, bytes) in files)
            File.WriteAllBytes(Path.Combine(folder, name), bytes());
    }
}

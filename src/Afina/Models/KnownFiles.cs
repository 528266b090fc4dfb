using System.Security.Cryptography;

namespace Afina.Models;

/// <summary>Finds out which model of Hugging Face a GGUF file was made from.</summary>
internal static class KnownFiles
{
    private const string Site = "https://huggingface.co/";

    private static readonly (long Length, string Sha256, string Id)[] Known =
        [(98_362_432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", "HuggingFaceTB/SmolLM2-135M-Instruct")];

    /// <summary>The id, by what the metadata say or by the file's hash; null where neither tells.</summary>
    public static string? IdOf(string path, IReadOnlyDictionary<string, object> metadata)
    {
        // The model itself comes first; what it was tuned from would be another model.
        foreach (var key in (string[])["general.source.huggingface.repository", "general.source.repo_url", "general.repo_url"])
        {
            if (metadata.GetValueOrDefault(key) is string { Length: > 0 } text && Id(text) is { } id)
                return id;
        }

        var length = new FileInfo(path).Length;
        return Known.Where(file => file.Length == length).FirstOrDefault(file => file.Sha256 == Sha256(path)).Id;
    }

    /// <summary>The SHA-256 of a file, in lower-case hexadecimal.</summary>
    public static string Sha256(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static string? Id(string text)
    {
        var id = text.StartsWith(Site, StringComparison.OrdinalIgnoreCase) ? text[Site.Length..].TrimEnd('/') : text;
        return id.Count(c => c == '/') == 1 && !id.Contains(':') && !id.Any(char.IsWhiteSpace) ? id : null;
    }
}

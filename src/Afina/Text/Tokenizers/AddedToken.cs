using System.Text.Json;

namespace Afina.Text.Tokenizers;

/// <summary>A token that is found in the text before the model sees it.</summary>
internal sealed record AddedToken(string Content, bool SingleWord = false, bool StripLeft = false, bool StripRight = false, bool Normalized = true, bool Special = false)
{
    /// <summary>Reads the fields that tokenizer.json and tokenizer_config.json share.</summary>
    public static AddedToken Read(JsonElement json)
    {
        var special = json.Flag("special", false);
        return new AddedToken(
            json.Text("content"), json.Flag("single_word", false), json.Flag("lstrip", false), json.Flag("rstrip", false), json.Flag("normalized", !special), special);
    }
}

using Afina.Text.Tokenizers.PreTokenizers;

namespace Afina.Text.Tokenizers.Gguf;

/// <summary>What a <c>tokenizer.ggml.pre</c> stands for: the expressions that text is split by, one after the other.</summary>
/// <param name="Expressions">Oniguruma expressions, as the models' own tokenizer.json files have them.</param>
/// <param name="IgnoreMerges">Whether a piece that is a token is not taken apart.</param>
/// <param name="AddBos">Whether a text begins with the bos token where the file says nothing.</param>
internal sealed record GgufPreType(IReadOnlyList<string> Expressions, bool IgnoreMerges = false, bool AddBos = false)
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Rest = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    private const string Gpt2 = ByteLevelPreTokenizer.Expression;
    private const string Llama3 = Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + Rest;
    private const string Qwen2 = Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + Rest;
    private const string Qwen35 = Contractions + @"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string O200k = @"[^\r\n\p{L}\p{N}]?" + Upper + "*" + Lower + "+" + Contractions + @"?|[^\r\n\p{L}\p{N}]?" + Upper + "+" + Lower + "*" + Contractions
        + @"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Tekken = @"[^\r\n\p{L}\p{N}]?" + Upper + "*" + Lower + @"+|[^\r\n\p{L}\p{N}]?" + Upper + "+" + Lower
        + @"*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Bailing = @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";

    private static readonly string[] DeepSeek3 =
    [
        @"\p{N}{1,3}",
        "[一-龥぀-ゟ゠-ヿ]+",
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];

    private static readonly string[] DeepSeekCoder = [@"[\r\n]", @"\s?\p{L}+", @"\s?\p{P}+", "[一-龥ࠀ-一가-\uD7FF]+", @"\p{N}"];

    /// <summary>The type of a name; a missing one is llama.cpp's default.</summary>
    /// <exception cref="InvalidDataException">The name is unknown.</exception>
    public static GgufPreType Find(string? name) => name switch
    {
        null or "default" => new([@"[\p{P}\$\+<=>\^~\|]+", Gpt2, @"\p{N}+", "[0-9][0-9][0-9]"]),
        "llama3" or "llama-v3" or "llama-bpe" or "falcon3" or "falcon-h1" or "pixtral" or "midm-2.0" or "lfm2" => new([Llama3], IgnoreMerges: true, AddBos: true),
        "dbrx" or "smaug-bpe" or "glm4" or "chatglm-bpe" => new([Llama3]),
        "qwen2" or "deepseek-r1-qwen" or "stablelm2" or "hunyuan" or "megrez" or "solar-open" or "grok-2" or "kormo" => new([Qwen2]),
        "qwen35" => new([Qwen35]),
        "smollm" or "starcoder" or "refact" or "command-r" or "codeshell" or "exaone" or "minerva-7b" or "mellum2" => new([@"\p{N}", Gpt2]),
        "gpt-2" or "phi-2" or "mpt" or "olmo" or "jais" or "trillion" or "granite-docling" or "gigachat" or "exaone4" or "mellum" or "a.x-4.0" => new([Gpt2]),
        "falcon" => new([@"[\p{P}\$\+<=>\^~\|`]+", Gpt2, "[0-9][0-9][0-9]"]),
        "gpt-4o" or "llama4" or "kanana2" or "minimax-m2" => new([O200k]),
        "tekken" => new([Tekken], IgnoreMerges: true, AddBos: true),
        "deepseek-v3" or "hunyuan-dense" or "joyai-llm" => new(DeepSeek3),
        "deepseek-coder" => new(DeepSeekCoder),
        "bailingmoe" or "bailingmoe2" or "llada-moe" => new([Bailing]),
        "seed-coder" => new([Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"]),
        "poro-chat" or "bloom" or "gpt3-finnish" => new([" ?[^(\\s|.,!?…。，、।۔،)]+"]),
        "viking" => new([" ?[^(\\s|.,!?…。，、।۔،)]+", @"\p{N}"]),
        "superbpe" => new([@"\p{N}+", @"(?=(\d{3})+(?!\d))"]),
        "minicpm5" => new([@"\p{N}{1,3}", Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+|" + Rest], IgnoreMerges: true),
        _ => throw new InvalidDataException($"tokenizer.ggml.pre \"{name}\" is not supported; convert the model again, or give the folder that its tokenizer.json is in"),
    };
}

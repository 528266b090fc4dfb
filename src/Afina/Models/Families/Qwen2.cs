using Afina.Formats.HuggingFace;

namespace Afina.Models.Families;

/// <summary>Qwen 2 and 2.5: Llama with biases on q, k and v (config.json: Qwen2ForCausalLM; GGUF: qwen2).</summary>
internal sealed class Qwen2 : Family
{
    public override IReadOnlyList<string> ModelTypes => ["qwen2"];

    public override IReadOnlyList<string> GgufArchitectures => ["qwen2"];

    public override DecoderConfig Read(ConfigReader config)
    {
        var decoder = Llama.Decoder(config, keyValueHeads: 32) with { AttentionBias = true };
        if (config.OptionalBool("use_sliding_window") != true)
            return decoder;
        var window = config.Positive("sliding_window") ?? 4096;
        var first = config.OptionalInt("max_window_layers") ?? 28;
        var kinds = config.OptionalStrings("layer_types");
        return decoder with
        {
            Layers = [.. decoder.Layers.Select((layer, i) => (kinds is null ? i >= first : i < kinds.Length && kinds[i] == "sliding_attention") ? layer with { Window = window } : layer)],
        };
    }
}

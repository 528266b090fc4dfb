using Afina.Formats.HuggingFace;

namespace Afina.Models.Families;

/// <summary>Mistral 7B and its kin: Llama with a sliding window (config.json: MistralForCausalLM; GGUF: llama).</summary>
internal sealed class Mistral : Family
{
    public override IReadOnlyList<string> ModelTypes => ["mistral"];

    public override IReadOnlyList<string> GgufArchitectures => [];

    public override DecoderConfig Read(ConfigReader config)
    {
        // An absent key means the class default, 4096 positions; an explicit null means no window.
        var window = config.Has("sliding_window") ? config.Positive("sliding_window") ?? 0 : 4096;
        var decoder = Llama.Decoder(config, keyValueHeads: 8);
        return decoder with { Layers = [.. decoder.Layers.Select(layer => layer with { Window = window })] };
    }
}

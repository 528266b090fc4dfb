using Afina.Formats.Safetensors;
using Afina.Models;

namespace Afina.Conformance.Kinds;

/// <summary>Logits of a GGUF model in fp32 arithmetic.</summary>
internal sealed class GgufModelKind : Kind
{
    public override string Name => "gguf-model";

    public override void Run(Case @case, Check check)
    {
        using var batches = new Batches();
        using var model = LanguageModel.Open(@case.Resolve(@case.Text("gguf")!));
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        var (ids, _, _, positions, segments) = Batches.Read(@case.Text("inputs") is { } inputs ? @case.Resolve(inputs) : @case.Own("inputs.safetensors"));
        check.Close(expected.Floats("logits"), batches.Logits(model.Decoder, null, ids, segments, positions), "logits");
    }
}

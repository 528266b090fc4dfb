using Afina.Adapters;
using Afina.Engine.Ops;
using Afina.Formats.Safetensors;
using Afina.Models;

namespace Afina.Conformance.Kinds;

/// <summary>Logits, loss and every gradient of a PEFT adapter, and the logits of the merged model.</summary>
internal sealed class AdapterKind : Kind
{
    public override string Name => "adapter";

    public override void Run(Case @case, Check check)
    {
        using var batches = new Batches();
        using var model = LanguageModel.Open(@case.Resolve(@case.Text("model")!));
        var (adapter, _) = Lora.Load(model.Decoder, @case.Resolve(@case.Text("adapter")!));
        using var expected = SafetensorsFile.Open(@case.Own("expected.safetensors"));
        using var labelled = SafetensorsFile.Open(@case.Resolve(@case.Text("labels")!));
        var (ids, _, length, positions, segments) = Batches.Read(@case.Resolve(@case.Text("inputs")!));
        check.Close(expected.Floats("logits"), batches.Logits(model.Decoder, adapter, ids, segments, positions), "logits");

        var labels = labelled.Integers("labels");
        var rows = Enumerable.Range(0, ids.Length).Where(at => at % length != length - 1 && labels[at + 1] != -100).ToArray();
        var targets = rows.Select(at => new Target(at, (int)labels[at + 1], 1f / rows.Length)).ToArray();
        adapter.AllocateGradients();
        var scores = batches.Score(model.Decoder, adapter, ids, segments, targets, gradients: true);
        check.Close(expected.Floats("loss")[0], scores.Sum(score => -(double)score) / rows.Length, "loss");
        foreach (var parameter in adapter.Parameters)
            check.Close(expected.Floats("grad." + parameter.Name), adapter.Gradients(parameter), "grad." + parameter.Name);
        check.Equal(expected.Tensors.Keys.Count(name => name.StartsWith("grad.", StringComparison.Ordinal)), adapter.Parameters.Count, "number of gradients");

        var merged = Merging.Merge(model.Decoder, adapter);
        check.Close(expected.Floats("logits"), batches.Logits(merged, null, ids, segments, positions), "logits merged");
    }
}

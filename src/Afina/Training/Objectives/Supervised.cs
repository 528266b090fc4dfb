using Afina.Data;
using Afina.Data.Packing;
using Afina.Text.Tokenizers;

namespace Afina.Training.Objectives;

/// <summary>Supervised fine-tuning: the mean over all labelled tokens of a step of −log p. Weights are known before, so the head makes its
/// gradient in the pass that makes the loss.</summary>
public sealed class Supervised : Objective
{
    /// <inheritdoc/>
    public override string Name => "sft";

    /// <inheritdoc/>
    public override string Summary => "supervised fine-tuning";

    internal override TrainingData<TrainingExample> Load(DataRequest request, Tokenizer tokenizer) => DataLoader.Supervised(request, tokenizer).Select(TrainingExample.Of);

    /// <inheritdoc/>
    public override void Prepare(Window window, MicroBatch batch)
    {
        foreach (ref var target in batch.Targets.AsSpan())
            target = target with { Weight = target.Weight / window.Targets };
    }

    /// <inheritdoc/>
    public override void Weigh(Window window, MicroBatch batch, MicroStepResult policy, ReadOnlySpan<float> reference, Span<float> weights)
    {
        var (loss, correct) = (0.0, 0);
        for (var t = 0; t < batch.Targets.Length; t++)
        {
            // What is held out is measured without smoothing and the like, so that runs can be compared.
            loss += window.IsHeldOut ? -policy.LogProbabilities[t] : policy.Losses[t] * batch.Targets[t].Weight;
            correct += policy.Correct[t] ? 1 : 0;
        }

        window.Add("loss", window.IsHeldOut ? loss / window.Targets : loss);
        window.Add("mean_token_accuracy", (double)correct / window.Targets);
    }
}

using System.Globalization;
using Afina.Data;
using Afina.Data.Packing;
using Afina.Text.Tokenizers;
using Afina.Training.Objectives.Losses;

namespace Afina.Training.Objectives;

/// <summary>Direct preference optimization (Rafailov et al. 2023) over pairs of answers: −log σ(β · ((π⁺ − ρ⁺) − (π⁻ − ρ⁻))), where π and ρ are
/// the log-probabilities that the trained model and the reference give an answer's tokens, summed; and its kin under TRL's names.</summary>
/// <remarks>A pair is two sequences, chosen and rejected. Where nothing is dropped out, the packer computes their common beginning once: the
/// last row of the prompt then predicts the first token of both.</remarks>
public sealed class Dpo : Objective
{
    private const int Chosen = 0;
    private const int Rejected = 1;

    private readonly DpoOptions _options;
    private readonly DpoOptions _ofPairs;
    private readonly double _supervised;

    /// <summary>Takes options.</summary>
    /// <exception cref="FormatException">An option has no meaning; the message has its name and what it can be.</exception>
    public Dpo(DpoOptions options)
    {
        options.Validate();
        if (options.LossType.FirstOrDefault(DpoLoss.Coupled.Contains) is { } coupled)
            throw new FormatException($"the loss {coupled} compares pairs with each other, which is not trained; there are {string.Join(", ", DpoLoss.Names.Except(DpoLoss.Coupled))}");
        _options = options;
        var losses = options.LossType.Select((name, i) => (Name: name, Weight: options.LossWeights?[i] ?? 1)).ToLookup(loss => loss.Name == DpoLoss.Supervised);
        _supervised = losses[true].Sum(loss => loss.Weight);
        // Without a loss of pairs their rewards are measured all the same.
        (string Name, double Weight)[] ofPairs = losses[false].Any() ? [.. losses[false]] : [("sigmoid", 0)];
        _ofPairs = options with { LossType = [.. ofPairs.Select(loss => loss.Name)], LossWeights = [.. ofPairs.Select(loss => loss.Weight)] };
    }

    /// <inheritdoc/>
    public override string Name => "dpo";

    /// <inheritdoc/>
    public override string Summary => $"direct preference optimization ({string.Join(" + ", _options.LossType)}, β = {_options.Beta.ToString(CultureInfo.InvariantCulture)})";

    /// <inheritdoc/>
    public override bool WeighsAfterwards => true;

    /// <inheritdoc/>
    public override bool HasReference => true;

    /// <inheritdoc/>
    public override double RateFactor => 0.1;

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string>> Settings =>
    [
        new("rl_beta", _options.Beta.ToString(CultureInfo.InvariantCulture)),
        new("dpo_loss_type", string.Join(", ", _options.LossType)),
        .. _options.LossWeights is { } weights ? [new("dpo_loss_weights", string.Join(", ", weights.Select(weight => weight.ToString(CultureInfo.InvariantCulture))))] : Array.Empty<KeyValuePair<string, string>>(),
        new("dpo_label_smoothing", _options.LabelSmoothing.ToString(CultureInfo.InvariantCulture)),
        .. _options.LdAlpha is { } alpha ? [new("ld_alpha", alpha.ToString(CultureInfo.InvariantCulture))] : Array.Empty<KeyValuePair<string, string>>(),
    ];

    internal override TrainingData<TrainingExample> Load(DataRequest request, Tokenizer tokenizer) =>
        DataLoader.Preference(request, tokenizer).Select(pair => Lay(pair, request.Preparation.MaxLength, request.Preparation.KeepEnd));

    /// <summary>A pair as two sequences.</summary>
    public static TrainingExample Lay(PreferenceExample pair, int? maxLength = null, bool keepEnd = false)
    {
        var (chosen, rejected) = pair.Sides(maxLength, keepEnd);
        return new TrainingExample([Sequence.Of(chosen), Sequence.Of(rejected)]);
    }

    /// <inheritdoc/>
    public override void Weigh(Window window, MicroBatch batch, MicroStepResult policy, ReadOnlySpan<float> reference, Span<float> weights)
    {
        var sums = new Dictionary<int, Answer>();
        var shares = new double[batch.Targets.Length];
        for (var t = 0; t < batch.Targets.Length; t++)
        {
            var owner = batch.Owners[t];
            if (!sums.TryGetValue(owner, out var answer))
                sums[owner] = answer = new Answer();
            var other = window.Sequences[owner - window.SequenceOf(window.ExampleOf[owner], 0) == Chosen ? owner + 1 : owner - 1];
            shares[t] = CompletionWeights.LengthDesensitized(answer.Tokens, window.Sequences[owner].Targets.Count, other.Targets.Count, _options.LdAlpha);
            answer.Add(policy, reference, t, shares[t]);
        }

        var slopes = new Dictionary<int, double>();
        foreach (var example in batch.Sequences.Select(sequence => window.ExampleOf[sequence]).Distinct())
        {
            var (chosen, rejected) = (Of(example, Chosen), Of(example, Rejected));
            var loss = DpoLoss.Compute(_ofPairs, new PairLogProbs([chosen.Policy], [rejected.Policy], [chosen.Reference], [rejected.Reference], [chosen.Tokens], [rejected.Tokens]));
            var share = window.Share(example);
            var (ofChosen, ofRejected) = (Tokens(window, example, Chosen), Tokens(window, example, Rejected));
            slopes[window.SequenceOf(example, Chosen)] = share * loss.ChosenGradient[0] - _supervised * ofChosen;
            slopes[window.SequenceOf(example, Rejected)] = share * loss.RejectedGradient[0];
            window.Add("loss", share * loss.Mean - _supervised * ofChosen * chosen.Policy);
            foreach (var (name, value) in PreferenceMetrics.OfPairs(loss))
                window.Add(name, share * value);
            window.Add("logps/chosen", share * chosen.Policy);
            window.Add("logps/rejected", share * rejected.Policy);
            window.Add("logits/chosen", ofChosen * chosen.MeanLogits);
            window.Add("logits/rejected", ofRejected * rejected.MeanLogits);
            window.Add("mean_token_accuracy", ofChosen * chosen.Correct);
            window.Add("entropy", window.Share(example, pair => pair.Targets) * (chosen.Entropy + rejected.Entropy));
        }

        for (var t = 0; t < batch.Targets.Length && weights.Length > 0; t++)
            weights[t] = (float)(-slopes[batch.Owners[t]] * shares[t]);

        Answer Of(int example, int place) => sums.GetValueOrDefault(window.SequenceOf(example, place)) ?? new Answer();
    }

    /// <summary>What a token of an answer counts in a mean over the tokens of its micro-batch's answers of that place.</summary>
    private static double Tokens(Window window, int example, int place) => window.Share(example, pair => pair.Sequences[place].Targets.Count);

    /// <summary>An answer's sums over its tokens.</summary>
    private sealed class Answer
    {
        public double Policy { get; private set; }

        public double Reference { get; private set; }

        public double MeanLogits { get; private set; }

        public double Entropy { get; private set; }

        public int Correct { get; private set; }

        public int Tokens { get; private set; }

        public void Add(MicroStepResult policy, ReadOnlySpan<float> reference, int target, double share)
        {
            Policy += share * policy.LogProbabilities[target];
            Reference += share * reference[target];
            MeanLogits += policy.MeanLogits[target];
            Entropy += policy.Entropies[target];
            Correct += policy.Correct[target] ? 1 : 0;
            Tokens++;
        }
    }
}

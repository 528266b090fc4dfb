using Afina.Data;
using Afina.Data.Packing;
using Afina.Text.Tokenizers;

namespace Afina.Training.Objectives;

/// <summary>What a training wants of which tokens: how rows become sequences, and what the sequences' log-probabilities say of the loss.</summary>
public abstract class Objective
{
    /// <summary>Its name in recipes (<c>rl</c>).</summary>
    public abstract string Name { get; }

    /// <summary>What it does, for a model card.</summary>
    public abstract string Summary { get; }

    /// <summary>Whether the weights of targets follow from their log-probabilities: a step then stops between its forward and its backward.</summary>
    public virtual bool WeighsAfterwards => false;

    /// <summary>Whether the log-probabilities of the model that training started from are asked for too.</summary>
    public virtual bool HasReference => false;

    /// <summary>Its usual learning rate as a part of that of supervised fine-tuning.</summary>
    public virtual double RateFactor => 1;

    /// <summary>Its options under their names in recipes, in the order to be shown.</summary>
    public virtual IEnumerable<KeyValuePair<string, string>> Settings => [];

    /// <summary>Reads rows and lays them out.</summary>
    /// <exception cref="InvalidDataException">A row cannot be used; one line names it.</exception>
    internal abstract TrainingData<TrainingExample> Load(DataRequest request, Tokenizer tokenizer);

    /// <summary>Weighs the targets of a micro-step as far as that can be done before their log-probabilities are known.</summary>
    public virtual void Prepare(Window window, MicroBatch batch)
    {
    }

    /// <summary>Makes of a micro-step's log-probabilities the weight of each target in Σ weight · −log p, and adds its part to the window's
    /// numbers, at least <c>loss</c> and <c>mean_token_accuracy</c>.</summary>
    /// <param name="window">The examples; the batch's sequences are numbered as its sequences are.</param>
    /// <param name="batch">The micro-step.</param>
    /// <param name="policy">What the trained model gave its targets.</param>
    /// <param name="reference">The log-probabilities of the reference, where there is one.</param>
    /// <param name="weights">A place for each target's weight; read only where <see cref="WeighsAfterwards"/> says so.</param>
    public abstract void Weigh(Window window, MicroBatch batch, MicroStepResult policy, ReadOnlySpan<float> reference, Span<float> weights);
}

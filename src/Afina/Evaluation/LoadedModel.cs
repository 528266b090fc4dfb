using Afina.Generation.Sampling;
using Afina.Models;
using Afina.Runs;
using Afina.Text.Tokenizers;

namespace Afina.Evaluation;

/// <summary>A base model with its tokenizer and the tokens that end its answers, ready to be asked.</summary>
public sealed class LoadedModel : IDisposable
{
    // Chat templates end a turn with one of these where the end of a text is another token.
    private static readonly string[] TurnEnds = ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>"];

    private readonly LanguageModel _model;

    private readonly bool _owns;

    internal LoadedModel(LanguageModel model, Decoder decoder, bool owns = true) => (_model, Decoder, EndTokens, _owns) = (model, decoder, Ends(model), owns);

    /// <summary>A name to show.</summary>
    public string Name => _model.Name;

    /// <summary>The decoder, its weights converted as asked.</summary>
    public Decoder Decoder { get; }

    /// <summary>The tokenizer.</summary>
    public Tokenizer Tokenizer => _model.Tokenizer;

    /// <summary>The tokens that end an answer.</summary>
    public IReadOnlyList<int> EndTokens { get; }

    /// <summary>Opens a model.</summary>
    /// <param name="path">A model folder or a GGUF file; null: the model that comes with Afina.</param>
    /// <param name="format">How the weights lie in memory.</param>
    /// <param name="progress">Told how much of the weights is converted.</param>
    /// <exception cref="FileNotFoundException">There is nothing there.</exception>
    /// <exception cref="InvalidDataException">It is no model that Afina reads; one line says why.</exception>
    public static LoadedModel Open(string? path = null, WeightFormat format = WeightFormat.AsStored, Action<EvaluationProgress>? progress = null)
    {
        var model = LanguageModel.Open(BaseModels.Resolve(path));
        try
        {
            return new LoadedModel(model, new WeightConversion(format).Apply(model.Decoder, progress: share => progress?.Invoke(new EvaluationProgress("converting the base", share))));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_owns)
            _model.Dispose();
    }

    private static int[] Ends(LanguageModel model)
    {
        IEnumerable<int> ends = model.GenerationConfig is { } config ? GenerationConfigReader.Parse(config, "generation_config.json").EosTokenId : [];
        return [.. ends.Concat(TurnEnds.Select(model.Tokenizer.IdOf).Append(model.Tokenizer.EosId).OfType<int>()).Distinct()];
    }
}

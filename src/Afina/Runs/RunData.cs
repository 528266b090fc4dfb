using Afina.Data;
using Afina.Data.Preparation;
using Afina.Models;
using Afina.Training.Objectives;
using Afina.Training.Recipes;

namespace Afina.Runs;

/// <summary>The rows of a run, as its recipe and its model want them.</summary>
internal static class RunData
{
    /// <summary>Rows under which nothing is held out unless it is asked for.</summary>
    private const int FewRows = 50;

    /// <summary>Reads and encodes them.</summary>
    public static TrainingData<TrainingExample> Load(Recipe recipe, LanguageModel model, long seed) => recipe.Objective.Load(
        new DataRequest
        {
            Sources = recipe.Datasets,
            HeldOutSources = recipe.TestDatasets,
            HeldOut = recipe.ValSetSize ?? 0.1,
            HeldOutFrom = recipe.ValSetSize is null ? FewRows : 0,
            Seed = seed,
            ChatTemplate = Template(recipe),
            EndToken = recipe.EndToken,
            Preparation = new PreparationOptions
            {
                MaxLength = Math.Min(recipe.SequenceLen, model.Decoder.Config.MaxPositions),
                Excess = recipe.Excess,
                CompletionOnlyLoss = recipe.TrainOnInputs ? false : null,
                AssistantOnlyLoss = recipe.TrainOnInputs ? false : null,
                SkipBadRows = recipe.SkipBadRows,
            },
        },
        model.Tokenizer);

    /// <summary>The examples of each source with its weight.</summary>
    public static IReadOnlyList<(IReadOnlyList<TrainingExample> Examples, double Weight)> Sources(TrainingData<TrainingExample> data)
    {
        var sources = new List<(IReadOnlyList<TrainingExample>, double)>();
        var first = 0;
        foreach (var (count, weight) in data.Sources)
        {
            sources.Add(([.. data.Train.Skip(first).Take(count)], weight));
            first += count;
        }

        return sources;
    }

    /// <summary>The recipe's chat template; where it names a file, that file's text.</summary>
    public static string? Template(Recipe recipe) => recipe.ChatTemplate is { } template && File.Exists(template) ? File.ReadAllText(template) : recipe.ChatTemplate;
}

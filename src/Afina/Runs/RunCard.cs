using System.Globalization;
using Afina.Data;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Training;
using Afina.Training.Objectives;
using Afina.Training.Recipes;

namespace Afina.Runs;

/// <summary>Collects what the model card of a run says.</summary>
internal sealed class RunCard(Recipe recipe, LanguageModel model)
{
    private readonly List<CardData> _data = [];
    private HeldOutMeasured? _first;
    private HeldOutMeasured? _last;
    private StepDone? _step;

    /// <summary>Takes note of an event.</summary>
    public void Note(TrainEvent happened)
    {
        if (happened is StepDone step)
            _step = step;
        if (happened is not HeldOutMeasured held)
            return;
        if (held.Step == 0)
            _first = held;
        if (held.IsBest || !recipe.Training.LoadBestModelAtEnd)
            _last = held;
    }

    /// <summary>Takes note of the data.</summary>
    public void Data(TrainingData<TrainingExample> data)
    {
        for (var i = 0; i < data.Sources.Count; i++)
            _data.Add(new CardData(Path.GetFileName(recipe.Datasets[i].Path), data.Sources[i].Count, data.Sources[i].Weight == 1 ? "training" : string.Create(CultureInfo.InvariantCulture, $"training, weight {data.Sources[i].Weight}")));
        if (data.Held.Count > 0)
            _data.Add(new CardData(recipe.TestDatasets.Count > 0 ? string.Join(", ", recipe.TestDatasets.Select(source => Path.GetFileName(source.Path))) : "held out of these", data.Held.Count, "evaluation"));
    }

    /// <summary>The card of a checkpoint.</summary>
    public string Short() => Card().Write();

    /// <summary>The whole card.</summary>
    public string Write(IReadOnlyList<KeyValuePair<string, string>> settings, TrainFinished finished, TrainingSession session)
    {
        var results = new List<CardResult>();
        if (_last is not null)
        {
            results.Add(new CardResult("held-out loss", Number(_first?.Loss), Number(_last.Loss)!));
            foreach (var (measure, metric) in (ReadOnlySpan<(string, string)>)[("held-out preference accuracy", "rewards/accuracies"), ("held-out reward margin", "rewards/margins")])
            {
                if (_last.Metrics.TryGetValue(metric, out var after))
                    results.Add(new CardResult(measure, Number(_first?.Metrics.GetValueOrDefault(metric)), Number(after)!));
            }

            results.Add(new CardResult("held-out token accuracy", Number(_first?.Accuracy), Number(_last.Accuracy)!));
        }

        if (_step is not null)
            results.Add(new CardResult("training loss of the last step", null, Number(_step.Loss)!));
        results.Add(new CardResult("steps", null, finished.Step.ToString(CultureInfo.InvariantCulture)));
        results.Add(new CardResult("tokens", null, finished.Tokens.ToString(CultureInfo.InvariantCulture)));
        results.Add(new CardResult("seconds", null, finished.Seconds.ToString("F1", CultureInfo.InvariantCulture)));
        var isFile = File.Exists(model.Path);
        return (Card() with
        {
            BaseFile = isFile ? Path.GetFileName(model.Path) : null,
            BaseSha256 = isFile ? KnownFiles.Sha256(model.Path) : null,
            Objective = recipe.Objective.Summary,
            Data = _data,
            Settings = settings,
            Results = results,
            Command = Command(),
            Versions = [KeyValuePair.Create("PEFT", LoraConfigWriter.FormatVersion), KeyValuePair.Create("Afina", typeof(RunCard).Assembly.GetName().Version!.ToString(3)), KeyValuePair.Create("kernels:", session.Kernels)],
        }).Write();
    }

    private ModelCard Card() => new()
    {
        Title = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(recipe.OutputDir))),
        BaseModel = recipe.BaseModelId ?? model.Id ?? model.Name,
        License = model.License,
    };

    private string Command() => "afina train " + string.Join(' ', recipe.Datasets.Select(source => Quoted(Path.GetFileName(source.Path)))
        .Concat(recipe.Given.Where(given => given.Key is not ("datasets" or "output_dir" or "base_model" or "resume_from_checkpoint" or "test_datasets")).Select(given => Quoted($"{given.Key}={given.Value}"))));

    private static string Quoted(string text) => text.All(c => char.IsAsciiLetterOrDigit(c) || "._-/=:,".Contains(c)) ? text : $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static string? Number(double? value) => value?.ToString("F4", CultureInfo.InvariantCulture);
}

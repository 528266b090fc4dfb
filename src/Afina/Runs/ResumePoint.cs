using System.Globalization;
using Afina.Training;
using Afina.Training.Recipes;

namespace Afina.Runs;

/// <summary>The checkpoint that a run goes on from.</summary>
internal static class ResumePoint
{
    /// <summary>Its folder, if there is one and the recipe allows it.</summary>
    /// <exception cref="FileNotFoundException">The recipe names one that is not there.</exception>
    public static string? Find(Recipe recipe)
    {
        var all = Checkpoints.All(recipe.OutputDir);
        switch (recipe.Resume.ToLowerInvariant())
        {
            case "false" or "no":
                return null;
            case "auto":
                return all.Count > 0 ? all[^1].Path : null;
            case "true" or "yes":
                return all.Count > 0 ? all[^1].Path : throw new FileNotFoundException($"{recipe.OutputDir}: there is no checkpoint to go on from; leave resume_from_checkpoint out to start anew");
            default:
                return File.Exists(Path.Combine(recipe.Resume, "trainer_state.json")) ? Path.TrimEndingDirectorySeparator(recipe.Resume)
                    : throw new FileNotFoundException($"{recipe.Resume}: this is no checkpoint{PathHint.Of(recipe.Resume)}; resume_from_checkpoint is auto, true, false or a checkpoint's folder");
        }
    }

    /// <summary>Requires that the run goes on exactly, and notes that it does, or what a new one removes.</summary>
    /// <exception cref="InvalidDataException">It would not be exact; the message says what changed.</exception>
    public static void Require(Recipe recipe, Checkpoints checkpoints, string? resumed, List<string> notes)
    {
        if (resumed is null)
        {
            if (Checkpoints.All(recipe.OutputDir).Count is > 0 and var old)
                notes.Add($"starting anew: {old} checkpoint{(old == 1 ? "" : "s")} of an earlier run in {recipe.OutputDir} will be removed");
            return;
        }

        if (checkpoints.Difference(resumed) is { } difference)
            throw new InvalidDataException(difference);
        notes.Add($"going on from {Path.GetFileName(resumed)}, exactly where the earlier run stopped");
    }

    /// <summary>Steps that were done; 0 without a checkpoint.</summary>
    public static int Step(string? resumed) =>
        resumed is not null && int.TryParse(Path.GetFileName(resumed).Split('-')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var done) ? done : 0;
}

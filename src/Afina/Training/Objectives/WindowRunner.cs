using Afina.Data.Packing;

namespace Afina.Training.Objectives;

/// <summary>Takes windows of examples through the programs, as an objective wants it.</summary>
internal sealed class WindowRunner(TrainingPrograms programs, Objective objective)
{
    /// <summary>Adds the gradient of a window's loss to the parameters' gradients.</summary>
    /// <param name="numbers">The numbers of its examples among those of <paramref name="reference"/>.</param>
    public void Accumulate(Window window, StepPacker packer, IReadOnlyList<int> numbers, ReferenceScores? reference, ulong seed, int step)
    {
        var micro = 0;
        foreach (var batch in packer.Pack(window.Sequences, window.ExampleOf))
        {
            objective.Prepare(window, batch);
            var compared = reference?.Of(window, numbers, batch, programs.ScoreReference);
            programs.Accumulate(batch, seed, step, micro++, (policy, weights) => objective.Weigh(window, batch, policy, compared, weights));
        }
    }

    /// <summary>Measures a window that was packed before.</summary>
    public void Measure(Window window, IReadOnlyList<MicroBatch> batches, ReferenceScores? reference, Action<double>? progress = null)
    {
        var (numbers, done) = (Enumerable.Range(0, window.Examples.Count).ToArray(), 0);
        foreach (var batch in batches)
        {
            progress?.Invoke((double)done++ / batches.Count);
            var compared = reference?.Of(window, numbers, batch, programs.ScoreReference);
            objective.Weigh(window, batch, programs.Score(batch), compared, []);
        }
    }
}

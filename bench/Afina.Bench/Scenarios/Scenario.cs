using Afina.Engine.Execution;
using Afina.Models;

namespace Afina.Bench.Scenarios;

/// <summary>What a scenario is given.</summary>
/// <param name="Model">The base model, its matrices in bf16.</param>
/// <param name="Language">The file behind it, with its tokenizer.</param>
/// <param name="Team">The threads.</param>
/// <param name="Data">A file or folder of rows, where one was named.</param>
internal sealed record ScenarioContext(Decoder Model, LanguageModel Language, Team Team, string? Data);

/// <summary>One of the two ways that are compared.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Run">Does the work once and returns how many units it was.</param>
internal sealed record Side(string Name, Func<double> Run) : IDisposable
{
    /// <summary>What it holds.</summary>
    public IDisposable? Holds { get; init; }

    public void Dispose() => Holds?.Dispose();
}

/// <summary>Two ways of doing the same work, whose rates are compared in turns inside one process. A scenario is found by being in this assembly.</summary>
internal abstract class Scenario
{
    /// <summary>The name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>What is compared, in one line.</summary>
    public abstract string Summary { get; }

    /// <summary>What a rate counts per second.</summary>
    public abstract string Unit { get; }

    /// <summary>The ratio to reach.</summary>
    public abstract double Bar { get; }

    /// <summary>Makes both ways ready: what is measured, and what it is compared with.</summary>
    public abstract (Side Subject, Side Baseline) Prepare(ScenarioContext context);
}

using System.Diagnostics;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Tensors;
using Afina.Generation;
using Afina.Generation.Sampling;
using Afina.Models;

namespace Afina.Runs;

/// <summary>What a generation benchmark runs.</summary>
public sealed record DecodeBenchmarkOptions
{
    /// <summary>Model file or folder.</summary>
    public required string Model { get; init; }

    /// <summary>Type of the activations and the cache.</summary>
    public DType Type { get; init; } = DType.BF16;

    /// <summary>The same by its name in recipes: bf16 or fp32.</summary>
    public string? Precision
    {
        init => Type = value == "fp32" ? DType.F32 : DType.BF16;
    }

    /// <summary>Tokens of the prompt whose computation is measured, logits of the last row only.</summary>
    public int Prompt { get; init; } = 512;

    /// <summary>Greedy tokens after a prompt of one token.</summary>
    public int Tokens { get; init; } = 64;

    /// <summary>Measured repetitions, of which the median counts; one more warms up.</summary>
    public int Repetitions { get; init; } = 5;

    /// <summary>Takes the time per operation of a token, or null.</summary>
    public RunProfile? Profile { get; init; }

    /// <summary>Threads; 0: one per processor.</summary>
    public int Threads { get; init; }
}

/// <summary>What a generation benchmark measured.</summary>
/// <param name="PrefillTokensPerSecond">Tokens of the prompt over its time.</param>
/// <param name="DecodeTokensPerSecond">Generated tokens over their time.</param>
/// <param name="PeakBytes">Largest resident set of the process.</param>
/// <param name="Kernels">The kernel set.</param>
/// <param name="Profile">Time per operation of a token, where it was measured.</param>
public sealed record DecodeBenchmarkResult(double PrefillTokensPerSecond, double DecodeTokensPerSecond, long PeakBytes, string Kernels, ProfileReport? Profile);

/// <summary>Measures generation: a long prompt, and tokens one by one.</summary>
public static class DecodeBenchmark
{
    /// <summary>Runs the benchmark.</summary>
    public static DecodeBenchmarkResult Run(DecodeBenchmarkOptions options)
    {
        using var model = LanguageModel.Open(options.Model);
        using var team = new Team(options.Threads > 0 ? options.Threads : Environment.ProcessorCount);
        var backend = Backends.Default();
        var vocabulary = model.Decoder.Config.VocabularySize;
        using var generator = new Generator(model.Decoder, null, new GeneratorOptions(Math.Max(options.Prompt, options.Tokens) + 2, 1, options.Type, options.Prompt), backend, team);
        var random = new Random(1);
        int[] prompt = [.. Enumerable.Range(0, options.Prompt).Select(_ => random.Next(vocabulary))];
        var (prefill, decode) = (new List<double>(), new List<double>());
        for (var i = 0; i <= options.Repetitions; i++)
        {
            prefill.Add(Time(() => Drain(generator.Generate([prompt], new SamplingOptions { MaxNewTokens = 1 }))));
            decode.Add(Time(() => Drain(generator.Generate([[prompt[0]]], new SamplingOptions { MaxNewTokens = options.Tokens }))));
        }

        if (options.Profile is { } profile)
        {
            profile.Attach([("token", generator.Executor)]);
            Drain(generator.Generate([[prompt[0]]], new SamplingOptions { MaxNewTokens = options.Tokens }));
        }

        return new DecodeBenchmarkResult(options.Prompt / Median(prefill), options.Tokens / Median(decode), ProcessMemory.PeakBytes(), backend.Name, options.Profile?.Report(backend, options.Type, team.Size));
    }

    private static double Time(Action action)
    {
        var started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static void Drain(IEnumerable<GeneratedToken> tokens)
    {
        foreach (var _ in tokens)
        {
        }
    }

    private static double Median(List<double> seconds)
    {
        double[] measured = [.. seconds.Skip(1).Order()];
        return measured[measured.Length / 2];
    }
}

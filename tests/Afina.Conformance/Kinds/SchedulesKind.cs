using System.Text.Json;
using Afina.Training.Schedules;

namespace Afina.Conformance.Kinds;

/// <summary>Learning-rate factors of every step, up to two steps past the end.</summary>
internal sealed class SchedulesKind : Kind
{
    public override string Name => "schedules";

    public override void Run(Case @case, Check check)
    {
        foreach (var (entry, index) in @case.Json.GetProperty("cases").EnumerateArray().Select((entry, index) => (entry, index)))
        {
            var name = entry.GetProperty("name").GetString()!;
            var schedule = Create(name, entry.GetProperty("options"), Count(entry, "warmup_steps"), Count(entry, "total_steps"), entry.GetProperty("learning_rate").GetDouble());
            if (schedule is PlateauSchedule plateau)
            {
                var expected = Numbers(entry, "factors_after");
                var metrics = Numbers(entry, "metrics");
                for (var i = 0; i < metrics.Length; i++)
                {
                    plateau.Observe(metrics[i]);
                    check.Close(expected[i], plateau.Factor(i), $"case {index} {name}, metric {i}");
                }

                continue;
            }

            var factors = Numbers(entry, "factors");
            for (var step = 0; step < factors.Length; step++)
                check.Close(factors[step], schedule.Factor(step), $"case {index} {name}, step {step}");
        }
    }

    /// <summary>The schedule of a case.</summary>
    internal static Schedule Create(string name, JsonElement options, int warmupSteps, int totalSteps, double learningRate) =>
        Schedule.Create(name, ScheduleOptions.Parse(options.EnumerateObject()
            .Where(option => option.Value.ValueKind != JsonValueKind.Null)
            .Select(option => KeyValuePair.Create(option.Name, option.Value.ToString()))), warmupSteps, totalSteps, learningRate);

    private static int Count(JsonElement entry, string name) => entry.TryGetProperty(name, out var value) ? value.GetInt32() : 0;

    private static double[] Numbers(JsonElement entry, string name) => [.. entry.GetProperty(name).EnumerateArray().Select(value => value.GetDouble())];
}

using System.Text.Json;
using Afina.Formats;
using Afina.Training;

namespace Afina.Runs;

/// <summary>The file metrics.jsonl of a run: one object per step and per measurement, as trainers of Hugging Face log them.</summary>
internal sealed class MetricsLog : IDisposable
{
    /// <summary>The file's name.</summary>
    public const string FileName = "metrics.jsonl";

    private readonly FileStream _stream;

    /// <summary>Opens the file; of an earlier run the lines up to <paramref name="firstStep"/> stay, also when this one is killed right away.</summary>
    public MetricsLog(string folder, int firstStep)
    {
        var path = Path.Combine(folder, FileName);
        var kept = firstStep > 0 && File.Exists(path) ? [.. File.ReadLines(path).Where(line => StepOf(line) <= firstStep)] : Array.Empty<string>();
        AtomicFile.Write(path, stream =>
        {
            foreach (var line in kept)
                stream.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
        });
        _stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
    }

    /// <summary>Writes what an event measured.</summary>
    public void Write(TrainEvent happened)
    {
        switch (happened)
        {
            case StepDone step:
                Line(json =>
                {
                    json.WriteNumber("step", step.Step);
                    json.WriteNumber("epoch", Math.Round(step.Epoch, 6));
                    Number(json, "loss", step.Loss);
                    Number(json, "grad_norm", step.GradientNorm);
                    Number(json, "learning_rate", step.LearningRate);
                    Number(json, "mean_token_accuracy", step.Accuracy);
                    foreach (var (name, value) in step.Metrics)
                        Number(json, name, value);
                    json.WriteNumber("num_tokens", step.Tokens);
                    Number(json, "tokens_per_second", Math.Round(step.TokensPerSecond, 2));
                });
                break;
            case HeldOutMeasured held:
                Line(json =>
                {
                    json.WriteNumber("step", held.Step);
                    Number(json, "eval_loss", held.Loss);
                    Number(json, "eval_mean_token_accuracy", held.Accuracy);
                    foreach (var (name, value) in held.Metrics)
                        Number(json, "eval_" + name, value);
                    json.WriteBoolean("best", held.IsBest);
                });
                break;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private void Line(Action<Utf8JsonWriter> write)
    {
        try
        {
            using (var json = new Utf8JsonWriter(_stream))
            {
                json.WriteStartObject();
                write(json);
                json.WriteEndObject();
            }

            _stream.WriteByte((byte)'\n');
            _stream.Flush();
        }
        catch (Exception error) when (UnwritableException.Covers(error))
        {
            throw UnwritableException.Of(_stream.Name, error);
        }
    }

    private static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }

    private static int StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("step").GetInt32();
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return int.MaxValue;
        }
    }
}

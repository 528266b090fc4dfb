using System.Diagnostics;
using System.Text.Json;
using Afina.Engine.Execution;
using Afina.Formats;

namespace Afina.Runs;

/// <summary>Writes a profile's recording in the Trace Event Format of Chrome, which chrome://tracing and Perfetto open: complete events ("X",
/// times in microseconds) of steps, the programs in them and the operations in those, on one thread.</summary>
internal static class TraceFile
{
    /// <summary>Writes the file, whole or not at all.</summary>
    public static void Write(string path, RunProfile profile) => AtomicFile.Write(path, stream => Write(stream, profile));

    /// <summary>Writes the events.</summary>
    public static void Write(Stream stream, RunProfile profile)
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteString("displayTimeUnit", "ms");
        json.WriteStartArray("traceEvents");
        var first = profile.Programs.Count > 0 ? profile.Programs.Min(program => program.Started) : 0;
        foreach (var (step, started, ended) in profile.Steps)
        {
            Begin($"step {step}", "step", started, ended);
            json.WriteEndObject();
        }

        foreach (var program in profile.Programs)
        {
            Begin(program.Program, "program", program.Started, program.Ended);
            json.WriteStartObject("args");
            json.WriteNumber("rows", program.Counts.Rows);
            json.WriteNumber("targets", program.Counts.Targets);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        foreach (var run in profile.Nodes)
        {
            Begin(Profile.NameOf(run.Node), run.Node.Original is not null ? "again" : run.Node.IsBackward ? "backward" : "forward", run.Started, run.Ended);
            json.WriteStartObject("args");
            json.WriteString("module", run.Node.Scope);
            if (run.Node.Layer >= 0)
                json.WriteNumber("layer", run.Node.Layer);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();

        void Begin(string name, string category, long started, long ended)
        {
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("cat", category);
            json.WriteString("ph", "X");
            json.WriteNumber("ts", Microseconds(started - first));
            json.WriteNumber("dur", Microseconds(ended - started));
            json.WriteNumber("pid", 1);
            json.WriteNumber("tid", 1);
        }
    }

    private static double Microseconds(long ticks) => Math.Round(ticks * 1e6 / Stopwatch.Frequency, 3);
}

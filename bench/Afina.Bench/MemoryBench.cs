using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Afina.Runs;

namespace Afina.Bench;

/// <summary>Planned memory against the peak of a training process as the system sees it: a separate plan, then the training, for each setting.</summary>
internal static class MemoryBench
{
    private static readonly string Program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Afina.Cli", new DirectoryInfo(AppContext.BaseDirectory).Name, "Afina.Cli.dll"));

    public static int Run(string[] arguments)
    {
        string[] quantize = ["none", "bf16", "nf4"], dtype = ["bf16", "fp32"], recomputation = ["cheap", "layers"], rows = ["short", "long"];
        // Enough steps for the runtime to compile everything at its highest tier, and for collections.
        List<string> more = ["max_steps=40"];
        for (var i = 0; i < arguments.Length; i++)
        {
            string[] Next() => arguments[++i].Split(',');
            switch (arguments[i])
            {
                case "--quantize": quantize = Next(); break;
                case "--dtype": dtype = Next(); break;
                case "--recomputation": recomputation = Next(); break;
                case "--rows": rows = Next(); break;
                default: more.Add(arguments[i]); break;
            }
        }

        var folder = Directory.CreateTempSubdirectory("afina-memory-").FullName;
        try
        {
            Console.WriteLine("| quantize | dtype | recomputation | rows | held out | planned MB | peak MB | peak / planned |");
            Console.WriteLine("|---|---|---|---|---:|---:|---:|---:|");
            var (least, most) = (double.MaxValue, 0.0);
            foreach (var (q, d, c, r) in quantize.SelectMany(q => dtype.SelectMany(d => recomputation.SelectMany(c => rows.Select(r => (q, d, c, r))))))
            {
                var output = Path.Combine(folder, "out");
                string[] common = [Rows(folder, r), $"quantize={q}", $"dtype={d}", $"recomputation={c}", "--output", output, "--json", .. more];
                var (plan, _) = Start(["plan", .. common]);
                var (trained, peak) = Start(["train", .. common]);
                Directory.Delete(output, recursive: true);
                var planned = plan["memory"]!["total"]!.GetValue<long>();
                var ratio = (double)peak / planned;
                (least, most) = (Math.Min(least, ratio), Math.Max(most, ratio));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {q} | {d} | {c} | {r} | {trained["held_out"]} | {planned / 1e6:F0} | {peak / 1e6:F0} | {ratio:F3} |"));
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nfrom {least:F3} to {most:F3}"));
            return least >= 0.95 && most <= 1.05 ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Runs the program to its end; its JSON, and its largest resident set as polled from outside.</summary>
    private static (JsonObject Result, long Peak) Start(string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        long peak = 0;
        while (!process.WaitForExit(20))
        {
            process.Refresh();
            peak = Math.Max(peak, Peak(process));
        }

        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException(error.Result.Trim());
        return (JsonNode.Parse(output.Result.TrimEnd().Split('\n')[^1])!.AsObject(), peak);
    }

    private static long Peak(Process process)
    {
        try
        {
            return process.PeakWorkingSet64;
        }
        catch (InvalidOperationException)
        {
            return 0;
        }
    }

    /// <summary>Short rows are the sample's; long ones are about a thousand tokens each.</summary>
    private static string Rows(string folder, string kind)
    {
        var sample = BaseModels.Beside(Path.Combine("samples", "data", "support", "train.jsonl"));
        if (kind == "short")
            return sample;
        var path = Path.Combine(folder, "long.jsonl");
        var texts = File.ReadLines(sample).Select(line => JsonNode.Parse(line)!.ToJsonString(new JsonSerializerOptions { WriteIndented = true })).Chunk(10).Take(24);
        File.WriteAllLines(path, texts.Select(text => new JsonObject { ["text"] = string.Concat(text) }.ToJsonString()));
        return path;
    }
}

using System.Globalization;
using Afina.Bench.Scenarios;
using Afina.Engine;
using Afina.Engine.Cpu;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Runs;

namespace Afina.Bench;

/// <summary>`afina-bench operations`: each operation of a micro-step of 512 rows and of the update, on one thread and on all, beside the limits of
/// the machine: the rate of the innermost product for what has products, the rate of reading memory for the rest, whichever allows less.</summary>
internal static class OperationsBench
{
    private const int Rows = 512, Rounds = 7;

    public static int Run(string[] arguments)
    {
        using var language = LanguageModel.Open(arguments is ["--model", var path, ..] ? path : BaseModels.Embedded());
        var model = new WeightConversion(WeightFormat.Bf16).Apply(language.Decoder);
        foreach (var threads in new[] { 1, Environment.ProcessorCount }.Distinct())
        {
            using var team = new Team(threads);
            using var rig = new TrainingRig(new ScenarioContext(model, language, team, null), Rows, Rows, planner: options => options with { MicroRows = Rows });
            Print(rig, threads, model.Config.VocabularySize);
        }

        return 0;
    }

    private sealed class Row
    {
        public int Nodes { get; set; }

        public double Seconds { get; set; }

        public Work Work { get; set; }
    }

    private static void Print(TrainingRig rig, int threads, int vocabulary)
    {
        var (flops, bytes) = (0.0, 0.0);
        var rows = Measure(rig, vocabulary, () => (flops, bytes) = (Math.Max(flops, Backends.Default().PeakFlops(DType.BF16, threads)), Math.Max(bytes, MemoryRate.Measure(threads))));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Rows} rows, {threads} thread{(threads == 1 ? "" : "s")}: products at most {flops / 1e9:F0} GFLOP/s, memory at most {bytes / 1e9:F1} GB/s"));
        var total = rows.Values.Sum(row => row.Seconds);
        foreach (var (name, row) in rows.OrderByDescending(entry => entry.Value.Seconds))
        {
            var rate = row.Work.Flops > 0 ? $"{row.Work.Flops / row.Seconds / 1e9,8:F1} GFLOP/s" : $"{row.Work.Bytes / row.Seconds / 1e9,8:F1} GB/s   ";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {name,-46} {row.Nodes,5} {row.Seconds * 1e3,9:F2} ms {row.Seconds / total,7:P1} {rate} {row.Work.SecondsAt(flops, bytes) / row.Seconds,6:F2} of the limit"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {"together",-46} {"",5} {total * 1e3,9:F2} ms {"",7} {"",16} {rows.Values.Sum(row => row.Work.SecondsAt(flops, bytes)) / total,6:F2} of the limit"));
    }

    /// <summary>The median time of each node, summed over those that do the same in the same shape. Only one thread has a clock, and where it comes
    /// late to a node others may have done the work: the least time would say nothing.</summary>
    private static Dictionary<string, Row> Measure(TrainingRig rig, int vocabulary, Action limits)
    {
        var batches = rig.Pack([TrainingRig.Random(new Random(7), vocabulary, Rows)]);
        var executors = rig.Executors.Where(entry => entry.Name is "micro-step" or "update").ToArray();
        var times = executors.Select(entry => new double[entry.Executor.Plan.Graph.Nodes.Count, Rounds]).ToArray();
        rig.Step(batches);
        for (var round = 0; round < Rounds; round++)
        {
            limits();
            foreach (var (_, executor) in executors)
                executor.Profile = new Profile(executor.Plan);
            rig.Step(batches);
            for (var e = 0; e < executors.Length; e++)
            {
                for (var step = 0; step < times[e].GetLength(0); step++)
                    times[e][step, round] = executors[e].Executor.Profile!.Seconds(step);
            }
        }

        var rows = new Dictionary<string, Row>(StringComparer.Ordinal);
        var counts = new Counts { Rows = Rows, LabelledRows = Rows, Targets = Rows, Segments = 1 };
        for (var e = 0; e < executors.Length; e++)
        {
            var (program, executor) = executors[e];
            foreach (var (step, node) in executor.Plan.Graph.Nodes.Index())
            {
                var seconds = Enumerable.Range(0, Rounds).Select(round => times[e][step, round]).Order().ElementAt(Rounds / 2);
                var name = $"{Profile.NameOf(node)} {(program == "update" ? "of all parameters" : Shape(node))}";
                if (!rows.TryGetValue(name, out var row))
                    rows[name] = row = new Row();
                row.Nodes++;
                row.Seconds += seconds;
                row.Work += node.Work(counts, batches[0].Segments);
            }
        }

        return rows;
    }

    private static string Shape(Node node) => node.Operation switch
    {
        Linear linear => $"{node.Inputs[0]!.Columns} to {Outputs(linear.Projections)}",
        LinearGradient linear => $"{Outputs(linear.Projections)} to {node.Outputs[0].Columns}",
        LowRankGradient linear => $"{Outputs(linear.Projections)} by {node.Inputs[0]!.Columns}",
        HeadLoss => $"{node.Inputs[0]!.Columns} to {node.Inputs[1]!.Rows}",
        _ => $"{node.Outputs.FirstOrDefault()?.Columns ?? node.Inputs[0]!.Columns}",
    };

    private static string Outputs(IEnumerable<Projection> projections) => string.Join('+', projections.Select(projection => projection.Outputs));
}

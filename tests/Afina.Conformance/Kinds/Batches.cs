using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Formats.Safetensors;
using Afina.Models;

namespace Afina.Conformance.Kinds;

/// <summary>Runs programs over the rows of a case: a row of B x T ids becomes one segment, or one per document.</summary>
internal sealed class Batches : IDisposable
{
    private readonly Team _team = new(2);
    private readonly Backend _backend = Backends.Default();

    /// <summary>The ids [B, T] of a file, with positions and documents where it has them.</summary>
    public static (int[] Ids, int Rows, int Length, int[] Positions, List<Segment> Segments) Read(string file)
    {
        using var inputs = SafetensorsFile.Open(file);
        var shape = inputs.Find("input_ids").Shape;
        var (rows, length) = ((int)shape[0], (int)shape[1]);
        int[] Ints(string name) => [.. inputs.Integers(name).Select(value => (int)value)];
        var documents = inputs.Tensors.ContainsKey("segment_ids") ? Ints("segment_ids") : null;
        var positions = inputs.Tensors.ContainsKey("position_ids") ? Ints("position_ids") : [];
        var segments = new List<Segment>();
        for (var row = 0; row < rows; row++)
        {
            var start = row * length;
            for (var at = start + 1; at <= (row + 1) * length; at++)
            {
                if (at < (row + 1) * length && (documents is null || documents[at] == documents[start]))
                    continue;
                segments.Add(new Segment(start, at - start));
                start = at;
            }
        }

        return (Ints("input_ids"), rows, length, positions, segments);
    }

    /// <summary>Logits [rows, vocabulary] of every row.</summary>
    public float[] Logits(Decoder model, Adapter? adapter, int[] ids, IReadOnlyList<Segment> segments, int[] positions) =>
        Logits(model, adapter, ids, segments, positions, [.. Enumerable.Range(0, ids.Length)]);

    /// <summary>Logits of chosen rows, ascending.</summary>
    public float[] Logits(Decoder model, Adapter? adapter, int[] ids, IReadOnlyList<Segment> segments, int[] positions, int[] rows)
    {
        var capacity = new Counts { Rows = ids.Length, LabelledRows = rows.Length, Targets = 1, Segments = segments.Count };
        var inputs = new DecoderInputs(model.Config, capacity);
        var program = DecoderProgram.Build(model, adapter, inputs, new DecoderOptions(DecoderUse.Logits));
        var executor = Prepare(program, adapter, capacity);
        var counts = inputs.Fill(ids, segments.ToArray(), [], rows, positions);
        executor.Run(counts);
        return Copy(executor, program.Logits!, counts);
    }

    /// <summary>Log-probabilities of targets; with <paramref name="gradients"/> also the gradient of Σ weight · −log p into the adapter.</summary>
    public float[] Score(Decoder model, Adapter? adapter, int[] ids, IReadOnlyList<Segment> segments, Target[] targets, bool gradients, LossOptions? loss = null)
    {
        var capacity = new Counts { Rows = ids.Length, LabelledRows = ids.Length, Targets = targets.Length, Segments = segments.Count };
        var inputs = new DecoderInputs(model.Config, capacity);
        var program = DecoderProgram.Build(model, adapter, inputs, new DecoderOptions(gradients ? DecoderUse.Training : DecoderUse.Scoring, DType.F32, false, loss));
        var executor = Prepare(program, adapter, capacity);
        var counts = inputs.Fill(ids, segments.ToArray(), targets);
        executor.Run(counts);
        return Copy(executor, program.Scores[0], counts);
    }

    public void Dispose() => _team.Dispose();

    /// <summary>The executor owns the memory that is read: it has to live until all is copied.</summary>
    private static float[] Copy(Executor executor, Value value, in Counts counts)
    {
        var copy = executor.Read<float>(value, counts).ToArray();
        GC.KeepAlive(executor);
        return copy;
    }

    private Executor Prepare(DecoderProgram program, Adapter? adapter, Counts capacity)
    {
        var plan = _backend.Plan(program.Graph, capacity, _team.Size);
        var buffers = adapter is null ? program.Inputs.Buffers : new Bindings(program.Inputs.Buffers, adapter.Buffers);
        return new Executor(plan, _backend, buffers, _team, new NativeBuffer(plan.ArenaBytes));
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>The head in chunks of rows: copy x in, logits, loss and their gradient in place, dx, copy out. Logits of one chunk are all that
/// ever exists.</summary>
internal unsafe class HeadLossKernel : Kernel
{
    /// <summary>Logits of a chunk, at most (96 MiB in fp32): each chunk packs the whole head twice.</summary>
    private const int ChunkElements = 24 << 20;

    private readonly LossOptions _options;
    private readonly Node _node;
    private readonly int _dim;
    private readonly int _vocabulary;
    private readonly int _stride;
    private readonly int _chunk;
    private readonly int _xBytes;
    private readonly byte* _x;
    private readonly byte* _dx;
    private readonly byte* _chunkX;
    private readonly byte* _chunkDx;
    private readonly float* _logits;
    private readonly int* _tokens;
    private readonly int* _places;
    private readonly float* _weights;
    private readonly float* _slopes;
    private readonly float* _own;
    private readonly float* _logp;
    private readonly float* _lse;
    private readonly int* _best;
    private readonly float* _mean;
    private readonly float* _entropy;
    private readonly MatrixProduct _forward;
    private readonly MatrixProduct? _backward;
    private readonly bool _isHalf;

    public HeadLossKernel(HeadLoss operation, Node node, Memory memory)
        : this(operation.Options, node, operation.WithGradient ? node.Outputs[5] : null, memory)
    {
        _logp = (float*)memory[node.Outputs[0]];
        _lse = (float*)memory[node.Outputs[1]];
        _best = (int*)memory[node.Outputs[2]];
        _mean = (float*)memory[node.Outputs[3]];
        _entropy = (float*)memory[node.Outputs[4]];
    }

    /// <summary>The chunks of x, and of <paramref name="gradient"/> where dx is wanted.</summary>
    protected HeadLossKernel(LossOptions options, Node node, Value? gradient, Memory memory)
    {
        (_options, _node) = (options, node);
        var (x, w) = (node.Inputs[0]!, node.Inputs[1]!);
        (_dim, _vocabulary, _xBytes) = (x.Columns, w.Rows.Size, x.Columns * x.Type.Bytes());
        _stride = LogitStride(_vocabulary);
        _chunk = Math.Clamp(Math.Min(ChunkElements / _vocabulary / 16 * 16, x.Rows.Of(memory.Capacity)), 1, 4096);
        _x = memory[x];
        _tokens = (int*)memory[node.Inputs[2]];
        _places = (int*)memory[node.Inputs[3]];
        _weights = (float*)memory[node.Inputs[4]];

        long bytes = 0;
        byte* Take(long size)
        {
            var at = memory.SharedScratch + bytes;
            bytes += ArenaLayout.Align(size);
            return at;
        }

        _chunkX = Take((long)_chunk * _xBytes);
        _chunkDx = Take((long)_chunk * _xBytes);
        _logits = (float*)Take((long)_chunk * _stride * sizeof(float));
        _slopes = (float*)Take((long)node.Inputs[4]!.Rows.Of(memory.Capacity) * sizeof(float));
        _own = (float*)Take((long)node.Inputs[4]!.Rows.Of(memory.Capacity) * sizeof(float));
        _isHalf = x.Type == DType.BF16;
        var mode = Products.Mode(x.Type);
        var logits = new ProductOutput { Data = _logits, Type = DType.F32, Stride = _stride, Columns = _vocabulary, Scale = options.LogitScale, Terms = [new(0, Products.Operand(w, memory).Transposed)] };
        _forward = new MatrixProduct(new ProductSpec(mode, _chunk, [new(Operand.Dense(_chunkX, x.Type, _dim), _dim)], [logits]));
        if (gradient is not null)
        {
            _dx = memory[gradient];
            var dx = new ProductOutput { Data = _chunkDx, Type = x.Type, Stride = _dim, Columns = _dim, Terms = [new(0, Products.Operand(w, memory))] };
            // Gradients in bf16 begin where their row's logits did.
            var slopes = Operand.Dense(_logits, x.Type, _isHalf ? 2 * _stride : _stride);
            _backward = new MatrixProduct(new ProductSpec(mode, _chunk, [new(slopes, _vocabulary)], [dx]));
        }

        Scratch = new Scratch(bytes + Math.Max(_forward.SharedBytes, _backward?.SharedBytes ?? 0), Math.Max(_forward.WorkerBytes, _backward?.WorkerBytes ?? 0));
        _forward.Bind(memory.SharedScratch + bytes, memory.WorkerScratch(0), memory.WorkerStride);
        _backward?.Bind(memory.SharedScratch + bytes, memory.WorkerScratch(0), memory.WorkerStride);
    }

    public override Scratch Scratch { get; }

    /// <summary>Elements from one row of logits to the next: an odd number of cache lines, so that rows of any vocabulary (multiples of 4 KB are common) do
    /// not share sets of the first cache, and the backward reads their gradients in place.</summary>
    internal static int LogitStride(int vocabulary) => 16 * ((vocabulary + 15) / 16 | 1);

    public override int Phases(in Counts counts) => (_node.Inputs[0]!.Rows.Of(counts) + _chunk - 1) / _chunk * PhasesOfChunk;

    private int PhasesOfChunk => _forward.Phases + 2 + (_backward is null ? 0 : _backward.Phases + 1);

    public override int Tiles(int phase, in Counts counts)
    {
        var (_, rows, part) = Locate(phase, counts);
        if (part == 0 || part == 1 + _forward.Phases || part == PhasesOfChunk - 1)
            return rows;
        return part <= _forward.Phases ? _forward.Tiles(part - 1, rows) : _backward!.Tiles(part - 2 - _forward.Phases, rows);
    }

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        var (first, rows, part) = Locate(phase, counts);
        if (part == 0)
            Buffer.MemoryCopy(_x + (long)(first + tile) * _xBytes, _chunkX + (long)tile * _xBytes, _xBytes, _xBytes);
        else if (part <= _forward.Phases)
            _forward.Run(part - 1, tile, rows, worker);
        else if (part == 1 + _forward.Phases)
            Row(first + tile, _logits + (long)tile * _stride, Targets(first + tile, counts.Targets));
        else if (part < PhasesOfChunk - 1)
            _backward!.Run(part - 2 - _forward.Phases, tile, rows, worker);
        else
            Buffer.MemoryCopy(_chunkDx + (long)tile * _xBytes, _dx + (long)(first + tile) * _xBytes, _xBytes, _xBytes);
    }

    private (int First, int Rows, int Part) Locate(int phase, in Counts counts)
    {
        var first = phase / PhasesOfChunk * _chunk;
        return (first, Math.Min(_chunk, _node.Inputs[0]!.Rows.Of(counts) - first), phase % PhasesOfChunk);
    }

    /// <summary>What becomes of the logits of a row, of which a range of targets asks something; a gradient takes their place.</summary>
    protected virtual void Row(int row, float* logits, Range targets)
    {
        Cap(logits);
        var (largest, best, sum) = HeadRow.Largest(logits, _vocabulary);
        var (total, dot) = HeadRow.Exponentials(logits, _vocabulary, largest);
        // log p is taken as (logit − largest) − log Σ: rounding the log-sum-exp itself would cost a confident row's 1 − p its last digits.
        var rest = (float)Math.Log(total);
        var lse = largest + rest;
        (_lse[row], _best[row], _mean[row], _entropy[row]) = (lse, best, (float)(sum / _vocabulary), (float)(lse - dot / total));
        for (var t = targets.Start.Value; t < targets.End.Value; t++)
            _logp[t] = logits[_tokens[t]] - largest - rest;
        if (_backward is not null)
            Gradient(logits, largest, rest, targets);
    }

    protected void Cap(float* logits)
    {
        if (_options.SoftCap > 0)
            HeadRow.Cap(logits, _vocabulary, _options.SoftCap);
    }

    /// <summary>The gradient takes the place of the logits, so those of the targets' own tokens are made first.</summary>
    protected void Gradient(float* logits, float largest, float rest, Range targets)
    {
        var (first, end) = (targets.Start.Value, targets.End.Value);
        if (first == end)
        {
            new Span<float>(logits, _isHalf ? (_vocabulary + 1) / 2 : _vocabulary).Clear();
            return;
        }

        var weight = 0f;
        for (var t = first; t < end; t++)
        {
            var logit = logits[_tokens[t]];
            var share = _weights[t] * (_options.Dynamic ? MathF.Exp(logit - largest - rest) : 1);
            weight += share;
            _slopes[t] = share * (1 - _options.LabelSmoothing) * HeadRow.Slope(logit, _options);
        }

        for (var t = first; t < end; t++)
        {
            _own[t] = HeadRow.Gradient(Vector512.Create(logits[_tokens[t]]), _vocabulary, largest, rest, weight, _options)[0];
            for (var other = first; other < end; other++)
                _own[t] -= _tokens[other] == _tokens[t] ? _slopes[other] : 0;
        }

        var half = _isHalf ? (ushort*)logits : null;
        HeadRow.Gradient(logits, half, _vocabulary, largest, rest, weight, _options);
        for (var t = first; t < end; t++)
        {
            if (half is not null)
                half[_tokens[t]] = BFloat16.FromSingle(_own[t]);
            else
                logits[_tokens[t]] = _own[t];
        }
    }

    private Range Targets(int row, int targets)
    {
        var all = new ReadOnlySpan<int>(_places, targets);
        var at = all.BinarySearch(row);
        if (at < 0)
            return default;
        var end = at + 1;
        while (at > 0 && all[at - 1] == row)
            at--;
        while (end < targets && all[end] == row)
            end++;
        return at..end;
    }
}

/// <summary>Passes over the logits of one row.</summary>
internal static unsafe class HeadRow
{
    public static void Cap(float* logits, int count, float cap)
    {
        var i = 0;
        for (; i <= count - 16; i += 16)
            (cap * VectorMath.Tanh(Vector512.Load(logits + i) * (1 / cap))).Store(logits + i);
        for (; i < count; i++)
            logits[i] = cap * MathF.Tanh(logits[i] / cap);
    }

    /// <summary>The largest logit, its first place, and the sum of all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (float Largest, int Best, double Sum) Largest(float* logits, int count)
    {
        var largest = Vector512.Create(float.NegativeInfinity);
        var sum = 0.0;
        var i = 0;
        while (i <= count - 16)
        {
            var sums = Vector512<float>.Zero;
            for (var end = Math.Min(count - 15, i + 4096); i < end; i += 16)
            {
                var value = Vector512.Load(logits + i);
                largest = Vector512.Max(largest, value);
                sums += value;
            }

            sum += Vector512.Sum(sums);
        }

        var most = float.NegativeInfinity;
        for (var lane = 0; lane < 16; lane++)
            most = Math.Max(most, largest[lane]);
        for (; i < count; i++)
        {
            most = Math.Max(most, logits[i]);
            sum += logits[i];
        }

        return (most, Math.Max(new ReadOnlySpan<float>(logits, count).IndexOf(most), 0), sum);
    }

    /// <summary>Σ e^(logit − largest) and Σ e^(logit − largest) · logit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (double Total, double Dot) Exponentials(float* logits, int count, float largest)
    {
        double total = 0, dot = 0;
        var i = 0;
        while (i <= count - 16)
        {
            var (totals, dots) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (var end = Math.Min(count - 15, i + 4096); i < end; i += 16)
            {
                var value = Vector512.Load(logits + i);
                var e = VectorMath.Exp(value - Vector512.Create(largest));
                totals += e;
                dots += e * value;
            }

            total += Vector512.Sum(totals);
            dot += Vector512.Sum(dots);
        }

        for (; i < count; i++)
        {
            var e = MathF.Exp(logits[i] - largest);
            total += e;
            dot += e * logits[i];
        }

        return (total, dot);
    }

    /// <summary>d(capped and scaled logit) / d(product).</summary>
    public static float Slope(float logit, LossOptions options) =>
        options.LogitScale * (options.SoftCap > 0 ? 1 - logit / options.SoftCap * (logit / options.SoftCap) : 1);

    /// <summary>logit ← weight · slope · (e^(logit − largest − rest) − ε / count), as fp32 in place, or as bf16 from where the row begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gradient(float* logits, ushort* half, int count, float largest, float rest, float weight, LossOptions options)
    {
        var i = 0;
        for (; i <= count - 16; i += 16)
        {
            var gradient = Gradient(Vector512.Load(logits + i), count, largest, rest, weight, options);
            if (half is not null)
                Conversions.Narrow(gradient).Store(half + i);
            else
                gradient.Store(logits + i);
        }

        for (; i < count; i++)
        {
            var gradient = Gradient(Vector512.Create(logits[i]), count, largest, rest, weight, options)[0];
            if (half is not null)
                half[i] = BFloat16.FromSingle(gradient);
            else
                logits[i] = gradient;
        }
    }

    /// <summary>The same of 16 logits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gradient(Vector512<float> logit, int count, float largest, float rest, float weight, LossOptions options)
    {
        var gradient = (VectorMath.Exp(logit - Vector512.Create(largest) - Vector512.Create(rest)) - Vector512.Create(options.LabelSmoothing / count)) * (weight * options.LogitScale);
        return options.SoftCap > 0 ? gradient * (Vector512<float>.One - logit * logit * (1 / (options.SoftCap * options.SoftCap))) : gradient;
    }
}

using System.Runtime.Intrinsics;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>One pass over parameter, moments and gradient; a tile is 4,096 elements.</summary>
internal sealed unsafe class AdamWKernel(AdamW operation, Node node, Memory memory) : Kernel
{
    private const int Block = 4096;

    private readonly float* _parameter = (float*)memory[node.Outputs[0]];
    private readonly float* _gradient = (float*)memory[node.Inputs[0]];
    private readonly float* _first = (float*)memory[node.Inputs[1]];
    private readonly float* _second = (float*)memory[node.Inputs[2]];
    private readonly float* _norm = (float*)memory[node.Inputs[3]];
    private readonly float* _rate = (float*)memory[node.Inputs[4]];
    private readonly long _count = operation.Parameter.Count;

    public override int Tiles(int phase, in Counts counts) => (int)((_count + Block - 1) / Block);

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        if (!float.IsFinite(*_norm))
            return;
        var factor = operation.Clip > 0 ? (float)Math.Min(1, operation.Clip / (*_norm + 1e-6)) : 1;
        var (beta1, beta2, rest1, rest2) = ((float)operation.Beta1, (float)operation.Beta2, (float)(1 - operation.Beta1), (float)(1 - operation.Beta2));
        var size = (float)(*_rate / (1 - Math.Pow(operation.Beta1, counts.Step + 1)));
        var root = (float)Math.Sqrt(1 - Math.Pow(operation.Beta2, counts.Step + 1));
        var decay = (float)(1 - *_rate * operation.WeightDecay);
        var epsilon = Vector512.Create((float)operation.Epsilon);
        var (at, last) = ((long)tile * Block, Math.Min((tile + 1L) * Block, _count));
        for (; at <= last - 16; at += 16)
        {
            var g = Vector512.Load(_gradient + at) * factor;
            var m = Vector512.Load(_first + at) * beta1 + g * rest1;
            var v = Vector512.Load(_second + at) * beta2 + g * g * rest2;
            (Vector512.Load(_parameter + at) * decay - size * (m / (Vector512.Sqrt(v) / root + epsilon))).Store(_parameter + at);
            m.Store(_first + at);
            v.Store(_second + at);
            Vector512<float>.Zero.Store(_gradient + at);
        }

        for (; at < last; at++)
        {
            var g = _gradient[at] * factor;
            var m = _first[at] * beta1 + g * rest1;
            var v = _second[at] * beta2 + g * g * rest2;
            _parameter[at] = _parameter[at] * decay - size * (m / (MathF.Sqrt(v) / root + epsilon[0]));
            (_first[at], _second[at], _gradient[at]) = (m, v, 0);
        }
    }
}

/// <summary>The norm of all gradients: double sums of 4,096 elements each, added in their order.</summary>
internal sealed unsafe class GradientNormKernel : Kernel
{
    private const int Block = 4096;

    private readonly (nint Data, long Start, int Count)[] _pieces;
    private readonly double* _sums;
    private readonly float* _norm;

    public GradientNormKernel(Node node, Memory memory)
    {
        var pieces = new List<(nint, long, int)>();
        foreach (var input in node.Inputs)
        {
            var count = (long)input!.Rows.Size * input.Columns;
            for (long start = 0; start < count; start += Block)
                pieces.Add(((nint)memory[input], start, (int)Math.Min(Block, count - start)));
        }

        _pieces = [.. pieces];
        _sums = (double*)memory.SharedScratch;
        _norm = (float*)memory[node.Outputs[0]];
    }

    public override Planning.Scratch Scratch => new(_pieces.Length * (long)sizeof(double), 0);

    public override int Phases(in Counts counts) => 2;

    public override int Tiles(int phase, in Counts counts) => phase == 0 ? _pieces.Length : 1;

    public override void Run(int phase, int tile, int worker, in Counts counts)
    {
        if (phase == 0)
        {
            var (data, start, count) = _pieces[tile];
            var gradient = (float*)data + start;
            var sum = 0.0;
            for (var i = 0; i < count; i++)
                sum += (double)gradient[i] * gradient[i];
            _sums[tile] = sum;
            return;
        }

        var total = 0.0;
        for (var i = 0; i < _pieces.Length; i++)
            total += _sums[i];
        *_norm = (float)Math.Sqrt(total);
    }
}

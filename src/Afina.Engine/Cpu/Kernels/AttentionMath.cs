using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>What happens to a tile of scores between the two products.</summary>
internal static unsafe class AttentionMath
{
    private const int Lanes = AttentionProducts.Lanes;

    /// <summary>One step of the softmax over rows that come in blocks: from the scores of a block to its probabilities beside the new
    /// maximum, while sums so far are scaled to it.</summary>
    /// <param name="scores">Products of queries and keys; overwritten.</param>
    /// <param name="first">The row of the span that the first row of <paramref name="scores"/> is.</param>
    /// <param name="maxima">Largest scores so far, −∞ at first.</param>
    /// <param name="totals">Sums of probabilities so far.</param>
    /// <param name="sums">Sums of values so far, <paramref name="dim"/> rows.</param>
    public static void Softmax(AttentionOptions options, float* scores, int first, int rows, int width, AttentionLimits* limits,
        float* maxima, float* totals, float* sums, int dim, in AttentionWeights weights)
    {
        var factor = options.Scale;
        if (options.SoftCap > 0 || factor <= 0)
        {
            factor = 1;
            for (var n = 0; n < rows; n++)
            {
                for (var at = scores + n * Lanes; at < scores + n * Lanes + width; at += 16)
                    Capped(options, Vector512.Load(at)).Store(at);
            }
        }

        for (var lane = 0; lane < width; lane += 16)
        {
            var to = weights.At(lane);
            switch (weights.Kind)
            {
                case PanelKind.Bf16:
                    Softmax<Bf16Store>(factor, scores + lane, first, rows, lane, limits, maxima + lane, totals + lane, sums + lane, dim, to, weights.PairBytes, weights.StepBytes, weights.HalfLanes);
                    break;
                default:
                    Softmax<Fp32Store>(factor, scores + lane, first, rows, lane, limits, maxima + lane, totals + lane, sums + lane, dim, to, weights.PairBytes, weights.StepBytes, weights.HalfLanes);
                    break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Softmax<TStore>(float scale, float* scores, int first, int rows, int lane, AttentionLimits* limits,
        float* maxima, float* totals, float* sums, int dim, byte* to, int pairBytes, int stepBytes, int halfLanes)
        where TStore : struct, IAttentionStore
    {
        var nothing = Vector512.Create(float.NegativeInfinity);
        var (largest, other) = (nothing, nothing);
        var (maxLow, minHigh) = (limits->MaxLow, limits->MinHigh);
        var at = scores;
        for (var row = first; row < first + rows; row++, at += Lanes)
        {
            var score = Vector512.Load(at);
            if (row < maxLow || row > minHigh)
            {
                score = Vector512.ConditionalSelect(AttentionLimits.Seeing(limits, row, lane), score, nothing);
                score.Store(at);
            }

            (largest, other) = (other, Vector512.MaxNative(largest, score));
        }

        var factor = Vector512.Create(scale);
        var before = Vector512.Load(maxima);
        var maximum = Vector512.MaxNative(before, Vector512.MaxNative(largest, other) * factor);
        maximum.Store(maxima);

        // Lanes that have seen nothing yet: −∞ − (−∞) is no number.
        var offset = Vector512.ConditionalSelect(Vector512.Equals(maximum, nothing), Vector512<float>.Zero, maximum);
        var shrink = VectorMath.Exp(before - offset);
        if (!Vector512.EqualsAll(shrink, Vector512<float>.One))
        {
            for (var d = 0; d < dim; d++)
                (Vector512.Load(sums + d * Lanes) * shrink).Store(sums + d * Lanes);
        }

        // Groups have even numbers of rows: there is a row after an odd one.
        if (rows % 2 != 0)
            nothing.Store(scores + rows * Lanes);
        var (even, odd) = (Vector512<float>.Zero, Vector512<float>.Zero);
        offset = -offset;
        at = scores;
        for (var n = 0; n < rows; n += 2, at += 2 * Lanes, to += pairBytes)
        {
            var p = VectorMath.Exp(Vector512.FusedMultiplyAdd(Vector512.Load(at), factor, offset));
            var q = VectorMath.Exp(Vector512.FusedMultiplyAdd(Vector512.Load(at + Lanes), factor, offset));
            TStore.Put(to, stepBytes, halfLanes, p, q);
            even += p;
            odd += q;
        }

        (Vector512.Load(totals) * shrink + (even + odd)).Store(totals);
    }

    /// <summary>The same for one query whose scores lie side by side; −∞ where it does not see a key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void SoftmaxRow(AttentionOptions options, float* scores, int rows, float* maximum, float* total, float* sums, int dim)
    {
        var nothing = Vector512.Create(float.NegativeInfinity);
        var largest = nothing;
        for (var n = 0; n < rows; n += 16)
        {
            var hidden = Vector512.Equals(Vector512.Load(scores + n), nothing);
            var score = Vector512.ConditionalSelect(hidden, nothing, Capped(options, Vector512.Load(scores + n)));
            score.Store(scores + n);
            largest = Vector512.MaxNative(largest, score);
        }

        var before = *maximum;
        for (var n = 0; n < 16; n++)
            *maximum = Math.Max(*maximum, largest[n]);
        var offset = float.IsNegativeInfinity(*maximum) ? 0 : *maximum;
        var shrink = MathF.Exp(before - offset);
        for (var j = 0; j < dim && shrink != 1; j++)
            sums[j] *= shrink;
        var sum = Vector512<float>.Zero;
        for (var n = 0; n < rows; n += 16)
        {
            var p = VectorMath.Exp(Vector512.Load(scores + n) - Vector512.Create(offset));
            p.Store(scores + n);
            sum += p;
        }

        *total = *total * shrink + Vector512.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Capped(AttentionOptions options, Vector512<float> product) =>
        options.SoftCap > 0 ? VectorMath.Tanh(product * (options.Scale / options.SoftCap)) * options.SoftCap : product * options.Scale;
}

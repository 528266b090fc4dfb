using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>What happens to a tile of scores between the two products.</summary>
internal static unsafe class AttentionMath
{
    private const int Lanes = AttentionProducts.Lanes;

    /// <summary>e^x for x that are not far above 0: 2^n e^r, n rounded by adding 1.5 · 2^23, e^r by Cephes' polynomial. Below −87.3: 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var least = Vector512.Create(-87.3f);
        var magic = Vector512.Create(12582912f);
        var clamped = Vector512.MaxNative(least, x);
        var shifted = Vector512.FusedMultiplyAdd(clamped, Vector512.Create(1.44269504f), magic);
        var n = shifted - magic;
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), clamped);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(1.9875691500e-4f), r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        var power = (p.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();
        return Vector512.ConditionalSelect(Vector512.LessThan(x, least), Vector512<float>.Zero, power);
    }

    /// <summary>One step of the softmax over rows that come in blocks: from the scores of a block to its probabilities beside the new
    /// maximum, while sums so far are scaled to it.</summary>
    /// <param name="scores">Products of queries and keys; overwritten.</param>
    /// <param name="first">The row of the span that the first row of <paramref name="scores"/> is.</param>
    /// <param name="maxima">Largest scores so far, −∞ at first.</param>
    /// <param name="totals">Sums of probabilities so far.</param>
    /// <param name="sums">Sums of values so far, <paramref name="dim"/> rows.</param>
    public static void Softmax(AttentionOptions options, float* scores, int first, int rows, int width, in AttentionLimits limits,
        float* maxima, float* totals, float* sums, int dim, in AttentionWeights weights)
    {
        var isPlain = options.SoftCap <= 0 && options.Scale > 0;
        var nothing = Vector512.Create(float.NegativeInfinity);
        for (var lane = 0; lane < width; lane += 16)
        {
            var (largest, other) = (nothing, nothing);
            for (var n = 0; n < rows; n++)
            {
                var at = scores + n * Lanes + lane;
                var score = Vector512.Load(at);
                if (!isPlain)
                {
                    score = Capped(options, score);
                    score.Store(at);
                }

                if (limits.Hides(first + n))
                {
                    score = Vector512.ConditionalSelect(limits.Seeing(first + n, lane), score, nothing);
                    score.Store(at);
                }

                (largest, other) = (other, Vector512.MaxNative(largest, score));
            }

            var factor = Vector512.Create(isPlain ? options.Scale : 1f);
            var before = Vector512.Load(maxima + lane);
            var maximum = Vector512.MaxNative(before, Vector512.MaxNative(largest, other) * factor);
            maximum.Store(maxima + lane);

            // Lanes that have seen nothing yet: −∞ − (−∞) is no number.
            var offset = Vector512.ConditionalSelect(Vector512.Equals(maximum, nothing), Vector512<float>.Zero, maximum);
            var shrink = Exp(before - offset);
            if (!Vector512.EqualsAll(shrink, Vector512<float>.One))
            {
                for (var d = 0; d < dim; d++)
                    (Vector512.Load(sums + d * Lanes + lane) * shrink).Store(sums + d * Lanes + lane);
            }

            var (even, odd) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (var n = 0; n < rows; n += 2)
            {
                var at = scores + n * Lanes + lane;
                var p = Exp(Vector512.FusedMultiplyAdd(Vector512.Load(at), factor, -offset));
                var q = n + 1 < rows ? Exp(Vector512.FusedMultiplyAdd(Vector512.Load(at + Lanes), factor, -offset)) : Vector512<float>.Zero;
                weights.Put(n, lane, p, q);
                even += p;
                odd += q;
            }

            (Vector512.Load(totals + lane) * shrink + (even + odd)).Store(totals + lane);
        }
    }

    /// <summary>The same for one query whose scores lie side by side; −∞ where it does not see a key.</summary>
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
            var p = Exp(Vector512.Load(scores + n) - Vector512.Create(offset));
            p.Store(scores + n);
            sum += p;
        }

        *total = *total * shrink + Vector512.Sum(sum);
    }

    /// <summary>Lanes are queries: from the scores and from do · v to the gradient of the scores.</summary>
    /// <param name="lse">Log-sum-exp of each lane.</param>
    /// <param name="delta">Σ do · o of each lane.</param>
    public static void QueryGradient(AttentionOptions options, float* scores, float* products, int first, int rows, int width,
        in AttentionLimits limits, float* lse, float* delta, in AttentionWeights weights)
    {
        for (var lane = 0; lane < width; lane += 16)
        {
            var (logarithm, mean) = (Vector512.Load(lse + lane), Vector512.Load(delta + lane));
            for (var n = 0; n < rows; n += 2)
            {
                var even = Row(n, limits);
                weights.Put(n, lane, even, n + 1 < rows ? Row(n + 1, limits) : Vector512<float>.Zero);
            }

            Vector512<float> Row(int n, in AttentionLimits limits)
            {
                var p = Probability(options, Vector512.Load(scores + n * Lanes + lane), logarithm, out var slope);
                if (limits.Hides(first + n))
                    p = Vector512.ConditionalSelect(limits.Seeing(first + n, lane), p, Vector512<float>.Zero);
                return p * (Vector512.Load(products + n * Lanes + lane) - mean) * slope;
            }
        }
    }

    /// <summary>Lanes are keys: from the scores and from do · v to the probabilities and the gradient of the scores.</summary>
    /// <param name="lse">Log-sum-exp of the first row; those of the next rows are <paramref name="stride"/> apart.</param>
    /// <param name="low">The first lane that each row sees.</param>
    /// <param name="high">The last lane that each row sees.</param>
    public static void KeyGradient(AttentionOptions options, float* scores, float* products, int rows, int width,
        int* low, int* high, float* lse, float* delta, int stride, in AttentionWeights probabilities, in AttentionWeights gradients)
    {
        for (var lane = 0; lane < width; lane += 16)
        {
            var lanes = Vector512<int>.Indices + Vector512.Create(lane);
            for (var n = 0; n < rows; n += 2)
            {
                var (p, ds) = Row(n);
                var (q, dt) = n + 1 < rows ? Row(n + 1) : default;
                probabilities.Put(n, lane, p, q);
                gradients.Put(n, lane, ds, dt);
            }

            (Vector512<float> P, Vector512<float> Gradient) Row(int n)
            {
                var p = Probability(options, Vector512.Load(scores + n * Lanes + lane), Vector512.Create(lse[(long)n * stride]), out var slope);
                if (low[n] > lane || high[n] < lane + 15)
                {
                    var seen = Vector512.GreaterThanOrEqual(lanes, Vector512.Create(low[n])) & Vector512.LessThanOrEqual(lanes, Vector512.Create(high[n]));
                    p = Vector512.ConditionalSelect(seen.AsSingle(), p, Vector512<float>.Zero);
                }

                return (p, p * (Vector512.Load(products + n * Lanes + lane) - Vector512.Create(delta[(long)n * stride])) * slope);
            }
        }
    }

    /// <summary>p, and what turns a gradient of the score into one of the product: the scale, and the cap's slope.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Probability(AttentionOptions options, Vector512<float> product, Vector512<float> lse, out Vector512<float> slope)
    {
        slope = Vector512.Create(options.Scale);
        if (options.SoftCap <= 0)
            return Exp(Vector512.FusedMultiplyAdd(product, slope, -lse));
        var tanh = VectorMath.Tanh(product * (options.Scale / options.SoftCap));
        slope *= Vector512<float>.One - tanh * tanh;
        return Exp(tanh * options.SoftCap - lse);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Capped(AttentionOptions options, Vector512<float> product) =>
        options.SoftCap > 0 ? VectorMath.Tanh(product * (options.Scale / options.SoftCap)) * options.SoftCap : product * options.Scale;
}

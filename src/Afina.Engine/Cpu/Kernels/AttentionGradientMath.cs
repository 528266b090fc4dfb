using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Ops;

namespace Afina.Engine.Cpu.Kernels;

/// <summary>From tiles of scores and of do · v to probabilities and the gradient of the scores. The loop takes two rows at a time: groups
/// have even numbers of rows, so there is a row after an odd one, and nobody sees it.</summary>
internal static unsafe class AttentionGradientMath
{
    private const int Lanes = AttentionProducts.Lanes;

    /// <summary>Lanes are keys.</summary>
    /// <param name="low">The first lane that each row sees.</param>
    /// <param name="high">The last lane that each row sees.</param>
    /// <param name="lse">Log-sum-exp of each row.</param>
    /// <param name="delta">Σ do · o of each row.</param>
    public static void Keys(AttentionOptions options, float* scores, float* products, int rows, int width,
        int* low, int* high, float* lse, float* delta, in AttentionWeights probabilities, in AttentionWeights gradients, AttentionGradientRows kept)
    {
        switch (gradients.Kind, options.SoftCap > 0)
        {
            case (PanelKind.Bf16, false): Keys<Bf16Store, Plain>(options, scores, products, rows, width, low, high, lse, delta, probabilities, gradients, kept); break;
            case (PanelKind.Bf16, true): Keys<Bf16Store, Capped>(options, scores, products, rows, width, low, high, lse, delta, probabilities, gradients, kept); break;
            case (_, false): Keys<Fp32Store, Plain>(options, scores, products, rows, width, low, high, lse, delta, probabilities, gradients, kept); break;
            default: Keys<Fp32Store, Capped>(options, scores, products, rows, width, low, high, lse, delta, probabilities, gradients, kept); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Keys<TStore, TScore>(AttentionOptions options, float* scores, float* products, int rows, int width,
        int* low, int* high, float* lse, float* delta, in AttentionWeights probabilities, in AttentionWeights gradients, AttentionGradientRows kept)
        where TStore : struct, IAttentionStore
        where TScore : struct, IScore
    {
        var (scale, cap) = (Vector512.Create(options.Scale), Vector512.Create(options.SoftCap));
        var (pairBytes, stepBytes, halfLanes) = (gradients.PairBytes, gradients.StepBytes, gradients.HalfLanes);
        for (var lane = 0; lane < width; lane += 16)
        {
            float* at = scores + lane, next = products + lane;
            byte* to = probabilities.At(lane), toGradient = gradients.At(lane), toRow = kept.To == 0 ? null : (byte*)kept.To + lane * TStore.Bytes;
            for (var n = 0; n < rows; n += 2, at += 2 * Lanes, next += 2 * Lanes, to += pairBytes, toGradient += pairBytes)
            {
                var p = VectorMath.Exp(TScore.Exponent(Vector512.Load(at), scale, cap, Vector512.Create(-lse[n]), out var slope));
                var even = p * (Vector512.Load(next) - Vector512.Create(delta[n])) * slope;
                var q = VectorMath.Exp(TScore.Exponent(Vector512.Load(at + Lanes), scale, cap, Vector512.Create(-lse[n + 1]), out slope));
                var odd = q * (Vector512.Load(next + Lanes) - Vector512.Create(delta[n + 1])) * slope;
                if (Math.Max(low[n], low[n + 1]) > lane || Math.Min(high[n], high[n + 1]) < lane + 15)
                {
                    var lanes = Vector512<int>.Indices + Vector512.Create(lane);
                    var seen = AttentionLimits.Between(lanes, Vector512.Create(low[n]), Vector512.Create(high[n]));
                    p = Vector512.ConditionalSelect(seen, p, Vector512<float>.Zero);
                    even = Vector512.ConditionalSelect(seen, even, Vector512<float>.Zero);
                    seen = AttentionLimits.Between(lanes, Vector512.Create(low[n + 1]), Vector512.Create(high[n + 1]));
                    q = Vector512.ConditionalSelect(seen, q, Vector512<float>.Zero);
                    odd = Vector512.ConditionalSelect(seen, odd, Vector512<float>.Zero);
                }

                TStore.Put(to, stepBytes, halfLanes, p, q);
                TStore.Put(toGradient, stepBytes, halfLanes, even, odd);
                if (toRow is null)
                    continue;
                TStore.PutRow(toRow, even);
                TStore.PutRow(toRow + kept.RowBytes, odd);
                toRow += 2 * kept.RowBytes;
            }
        }
    }

    private interface IScore
    {
        /// <summary>score − lse, and what turns a gradient of the score into one of the product.</summary>
        static abstract Vector512<float> Exponent(Vector512<float> product, Vector512<float> scale, Vector512<float> cap, Vector512<float> minusLse, out Vector512<float> slope);
    }

    private readonly struct Plain : IScore
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Exponent(Vector512<float> product, Vector512<float> scale, Vector512<float> cap, Vector512<float> minusLse, out Vector512<float> slope)
        {
            slope = scale;
            return Vector512.FusedMultiplyAdd(product, scale, minusLse);
        }
    }

    private readonly struct Capped : IScore
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Exponent(Vector512<float> product, Vector512<float> scale, Vector512<float> cap, Vector512<float> minusLse, out Vector512<float> slope)
        {
            var tanh = VectorMath.Tanh(product * scale / cap);
            slope = scale * (Vector512<float>.One - tanh * tanh);
            return Vector512.FusedMultiplyAdd(tanh, cap, minusLse);
        }
    }
}

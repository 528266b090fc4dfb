namespace Afina.Training.Objectives.Losses;

/// <summary>The scores of f-DPO (arXiv 2309.16240): f'(u) at u = e^(log-ratio), up to the constants that TRL has.</summary>
internal static class FDivergence
{
    /// <summary>Beyond this an exponent would overflow a 32-bit float.</summary>
    private const double LargestExponent = 80;

    public static readonly IReadOnlyList<string> Names = ["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"];

    /// <summary>The score of a log-ratio and its derivative.</summary>
    public static (double Score, double Slope) Score(string type, double alpha, double ratio)
    {
        switch (type)
        {
            case "reverse_kl":
                return (ratio, 1);
            case "forward_kl":
                var inverse = Math.Exp(-ratio);
                return (1 - inverse, inverse);
            case "js_divergence":
                return (Math.Log(2) + Logistic.LogSigmoid(ratio), Logistic.Sigmoid(-ratio));
            default:
                var order = alpha - 1;
                if (Math.Abs(order) < 1e-6)
                    return (ratio, 1);
                var exponent = order * ratio;
                var power = Math.Exp(Math.Min(exponent, LargestExponent));
                return ((power - 1) / order, exponent > LargestExponent ? 0 : power);
        }
    }
}

namespace Afina.Training.Objectives.Losses;

/// <summary>The logistic function and its relatives, exact where a naive formula would lose digits.</summary>
internal static class Logistic
{
    /// <summary>1/(1 + e^−x).</summary>
    public static double Sigmoid(double x)
    {
        if (x >= 0)
            return 1 / (1 + Math.Exp(-x));
        var power = Math.Exp(x);
        return power / (1 + power);
    }

    /// <summary>log σ(x).</summary>
    public static double LogSigmoid(double x) => Math.Min(x, 0) - Log1p(Math.Exp(-Math.Abs(x)));

    /// <summary>log(1 + x), also for tiny x (Kahan's correction).</summary>
    public static double Log1p(double x)
    {
        var sum = 1 + x;
        return sum == 1 ? x : Math.Log(sum) * x / (sum - 1);
    }

    /// <summary>e^x − 1, also for tiny x.</summary>
    public static double Expm1(double x)
    {
        if (Math.Abs(x) > 0.5)
            return Math.Exp(x) - 1;
        var half = Math.Tanh(x / 2);
        return 2 * half / (1 - half);
    }

    /// <summary>log(1 − e^x) for x below 0.</summary>
    public static double Log1mExp(double x) => x < -Math.Log(2) ? Log1p(-Math.Exp(x)) : Math.Log(-Expm1(x));
}

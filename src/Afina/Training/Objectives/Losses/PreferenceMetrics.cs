namespace Afina.Training.Objectives.Losses;

/// <summary>What TRL logs of a batch of preferences, under its names.</summary>
internal static class PreferenceMetrics
{
    /// <summary>Implicit rewards of pairs: an equal reward is no success.</summary>
    public static IEnumerable<KeyValuePair<string, double>> OfPairs(PairLoss loss)
    {
        var count = loss.ChosenRewards.Length;
        if (count == 0)
            yield break;
        yield return new("rewards/chosen", loss.ChosenRewards.Average());
        yield return new("rewards/rejected", loss.RejectedRewards.Average());
        yield return new("rewards/accuracies", Better(loss) / (double)count);
        yield return new("rewards/margins", loss.ChosenRewards.Zip(loss.RejectedRewards, (chosen, rejected) => chosen - rejected).Average());
    }

    /// <summary>Scores of a reward model.</summary>
    public static IEnumerable<KeyValuePair<string, double>> OfRewards(PairLoss loss)
    {
        var count = loss.ChosenRewards.Length;
        if (count == 0)
            yield break;
        double[] all = [.. loss.ChosenRewards, .. loss.RejectedRewards];
        yield return new("min_reward", all.Min());
        yield return new("mean_reward", all.Average());
        yield return new("max_reward", all.Max());
        yield return new("accuracy", Better(loss) / (double)count);
        yield return new("margin", loss.ChosenRewards.Zip(loss.RejectedRewards, (chosen, rejected) => chosen - rejected).Average());
    }

    /// <summary>Implicit rewards of unpaired rows; what needs both kinds is left out where one is missing.</summary>
    public static IEnumerable<KeyValuePair<string, double>> OfRows(KtoLoss.Result loss, bool[] wanted)
    {
        var chosen = loss.Rewards.Where((_, i) => wanted[i]).ToArray();
        var rejected = loss.Rewards.Where((_, i) => !wanted[i]).ToArray();
        yield return new("kl", loss.Kl);
        if (chosen.Length > 0)
            yield return new("rewards/chosen", chosen.Average());
        if (rejected.Length > 0)
            yield return new("rewards/rejected", rejected.Average());
        if (chosen.Length > 0 && rejected.Length > 0)
            yield return new("rewards/margins", chosen.Average() - rejected.Average());
    }

    private static int Better(PairLoss loss) => loss.ChosenRewards.Zip(loss.RejectedRewards).Count(pair => pair.First > pair.Second);
}

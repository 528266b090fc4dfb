using System.Text.Json;
using Afina.Formats.Safetensors;
using Afina.Training.Objectives.Losses;

namespace Afina.Conformance.Kinds;

/// <summary>Preference losses from log-probabilities, with their rewards and derivatives.</summary>
internal sealed class LossKind : Kind
{
    public override string Name => "loss";

    public override void Run(Case @case, Check check)
    {
        using var input = SafetensorsFile.Open(@case.Own("input.safetensors"));
        using var expected = SafetensorsFile.Open(@case.Own(@case.Text("expected") ?? "expected.safetensors"));
        var options = @case.Json.GetProperty("options");
        var got = @case.Text("objective") switch
        {
            "dpo" => Dpo(options, input),
            "cpo" => Cpo(options, input),
            "orpo" => Orpo(options, input),
            "kto" => Kto(options, input),
            "reward" => Reward(options, input),
            var objective => throw new NotSupportedCase($"the objective {objective} is not supported"),
        };
        foreach (var name in expected.Tensors.Keys.Order(StringComparer.Ordinal))
        {
            if (got.GetValueOrDefault(name) is { } values)
                check.Close(expected.Floats(name), [.. values.Select(value => (float)value)], name);
            else
                check.Fail($"{name} was not computed");
        }
    }

    private static Dictionary<string, double[]?> Dpo(JsonElement json, SafetensorsFile input)
    {
        var batch = new PairLogProbs(
            Values(input, "policy_chosen_logps"), Values(input, "policy_rejected_logps"),
            Values(input, "reference_chosen_logps"), Values(input, "reference_rejected_logps"),
            Lengths(input, "chosen_lengths"), Lengths(input, "rejected_lengths"));
        return Pairs(DpoLoss.Compute(DpoOptions(json), batch));
    }

    public static DpoOptions DpoOptions(JsonElement json) => new()
    {
        LossType = json.GetProperty("loss_type") is { ValueKind: JsonValueKind.Array } names
                ? [.. names.EnumerateArray().Select(name => name.GetString()!)]
                : [Text(json, "loss_type", "sigmoid")],
        LossWeights = json.TryGetProperty("loss_weights", out var weights) && weights.ValueKind == JsonValueKind.Array
                ? [.. weights.EnumerateArray().Select(weight => weight.GetDouble())]
                : null,
        Beta = Number(json, "beta", 0.1),
        LabelSmoothing = Number(json, "label_smoothing", 0),
        FDivergenceType = Text(json, "f_divergence_type", "reverse_kl"),
        FAlphaDivergenceCoef = Number(json, "f_alpha_divergence_coef", 0.5),
        DiscopopTau = Number(json, "discopop_tau", 0.05),
        LdAlpha = json.TryGetProperty("ld_alpha", out var alpha) && alpha.ValueKind == JsonValueKind.Number ? alpha.GetDouble() : null,
    };

    private static Dictionary<string, double[]?> Cpo(JsonElement json, SafetensorsFile input)
    {
        var options = new CpoOptions
        {
            LossType = Text(json, "loss_type", "sigmoid"),
            Beta = Number(json, "beta", 0.1),
            LabelSmoothing = Number(json, "label_smoothing", 0),
            SimpoGamma = Number(json, "simpo_gamma", 0.5),
            Alpha = Number(json, "alpha", 0),
        };
        return Pairs(CpoLoss.Compute(options, Values(input, "policy_chosen_logps"), Values(input, "policy_rejected_logps")));
    }

    private static Dictionary<string, double[]?> Orpo(JsonElement json, SafetensorsFile input)
    {
        var result = OrpoLoss.Compute(Number(json, "beta", 0.1), Values(input, "policy_chosen_logps"), Values(input, "policy_rejected_logps"));
        var values = Pairs(result.Loss);
        values["log_odds_ratio"] = [result.LogOddsRatio];
        values["log_odds_chosen"] = [result.LogOddsChosen];
        return values;
    }

    private static Dictionary<string, double[]?> Kto(JsonElement json, SafetensorsFile input)
    {
        var options = new KtoOptions
        {
            LossType = Text(json, "loss_type", "kto"),
            Beta = Number(json, "beta", 0.1),
            DesirableWeight = Number(json, "desirable_weight", 1),
            UndesirableWeight = Number(json, "undesirable_weight", 1),
        };
        var kl = KtoLoss.Kl(Values(input, "policy_KL_logps"), Values(input, "reference_KL_logps"));
        var wanted = input.Integers("label").Select(label => label != 0).ToArray();
        var result = KtoLoss.Compute(options, Values(input, "policy_logps"), Values(input, "reference_logps"), wanted, kl);
        return new Dictionary<string, double[]?>
        {
            ["mean_loss"] = [result.Mean],
            ["loss"] = result.PerRow,
            ["rewards"] = result.Rewards,
            ["kl"] = [result.Kl],
            ["grad.policy_logps"] = result.Gradient,
        };
    }

    private static Dictionary<string, double[]?> Reward(JsonElement json, SafetensorsFile input)
    {
        var margins = input.Tensors.ContainsKey("margin") ? Values(input, "margin") : null;
        double? centering = json.TryGetProperty("center_rewards_coefficient", out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
        var loss = RewardLoss.Compute(Values(input, "chosen_rewards"), Values(input, "rejected_rewards"), margins, centering);
        return Pairs(loss, "chosen_rewards", "rejected_rewards");
    }

    private static Dictionary<string, double[]?> Pairs(PairLoss loss, string chosen = "policy_chosen_logps", string rejected = "policy_rejected_logps") => new()
    {
        ["mean_loss"] = [loss.Mean],
        ["loss"] = loss.PerPair,
        ["chosen_rewards"] = loss.ChosenRewards,
        ["rejected_rewards"] = loss.RejectedRewards,
        [$"grad.{chosen}"] = loss.ChosenGradient,
        [$"grad.{rejected}"] = loss.RejectedGradient,
    };

    private static double[] Values(SafetensorsFile file, string name) => [.. file.Floats(name).Select(value => (double)value)];

    private static int[] Lengths(SafetensorsFile file, string name) => [.. file.Integers(name).Select(value => (int)value)];

    private static double Number(JsonElement json, string name, double absent) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : absent;

    private static string Text(JsonElement json, string name, string absent) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : absent;
}

namespace Afina.Training.Recipes;

/// <summary>What settings must have to do with each other.</summary>
internal static class RecipeRules
{
    private static readonly string[] OfPreferences = ["rl_beta", "dpo_loss_type", "dpo_loss_weights", "dpo_label_smoothing", "ld_alpha"];

    private static readonly string[] OfSupervision = ["train_on_inputs", "label_smoothing_factor"];

    /// <summary>Refuses settings of an objective that is not the recipe's.</summary>
    /// <exception cref="FormatException">One line says which, or which option of the objective has no meaning.</exception>
    public static void Require(Recipe recipe)
    {
        var (strangers, reason) = recipe.Rl == "dpo"
            ? (OfSupervision, "belongs to supervised fine-tuning, but rl is dpo; leave it out")
            : (OfPreferences, "belongs to preference training; set rl=dpo too, or leave it out");
        if (strangers.FirstOrDefault(name => recipe.Given.TryGetValue(name, out var value) && !value.Equals("false", StringComparison.OrdinalIgnoreCase)) is { } stranger)
            throw new SettingException($"{stranger} {reason}", inFile: false);
        try
        {
            _ = recipe.Objective;
        }
        catch (FormatException error)
        {
            throw new SettingException(error.Message, inFile: false);
        }
    }
}

namespace Afina.Training.Recipes;

/// <summary>A setting that recipes know.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Help">What it does, in a few words; empty for what is accepted without effect.</param>
/// <param name="Apply">Sets it; null: it is accepted, and changes nothing here.</param>
/// <param name="Refused">Why it is refused where it is switched on.</param>
internal sealed record RecipeKey(string Name, string Help, Func<Recipe, Setting, Recipe>? Apply, string? Refused = null)
{
    /// <summary>Whether the setting is a switch, which needs no value on the command line.</summary>
    public bool IsSwitch { get; init; }
}

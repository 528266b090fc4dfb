namespace Afina.Training.Recipes;

/// <summary>A setting of a recipe or of the command line that is unknown or has an impossible value; one line says which.</summary>
/// <param name="message">The line.</param>
/// <param name="inFile">Whether it stands in a recipe file.</param>
public sealed class SettingException(string message, bool inFile) : FormatException(message)
{
    /// <summary>Whether it stands in a recipe file, not on the command line.</summary>
    public bool InFile { get; } = inFile;
}

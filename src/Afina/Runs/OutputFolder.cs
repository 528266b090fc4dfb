namespace Afina.Runs;

/// <summary>Where a run writes.</summary>
internal static class OutputFolder
{
    /// <summary>Makes the folder and tries it, so that nothing is computed for a place that takes nothing.</summary>
    /// <exception cref="IOException">It cannot be written to.</exception>
    public static void RequireWritable(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".afina-{Guid.NewGuid():N}");
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception error) when (error is UnauthorizedAccessException or IOException)
        {
            throw new IOException($"{folder}: cannot be written to ({error.Message.ReplaceLineEndings(" ")}); choose another output_dir", error);
        }
    }
}

namespace Afina.Formats.Peft;

/// <summary>Says which other programs will not take an adapter as it is, so that nobody finds out after the training.</summary>
public static class LoraCompatibility
{
    private static readonly int[] VllmRanks = [1, 8, 16, 32, 64, 128, 256, 320, 512];

    /// <summary>One sentence for every program and setting.</summary>
    public static IReadOnlyList<string> Notes(LoraConfig config)
    {
        var notes = new List<string>();
        var patterned = config.RankPattern.Count > 0 || config.AlphaPattern.Count > 0;
        if (config.ModulesToSave is { Count: > 0 })
            notes.Add("vLLM refuses modules_to_save; llama.cpp's converter refuses stored heads and embeddings");
        if (config.UseDora)
            notes.Add("vLLM and llama.cpp refuse use_dora; merge the adapter for them");
        if (config.Bias != "none")
            notes.Add($"vLLM refuses bias {config.Bias}");
        if (config.TrainableTokenIndices is not null)
            notes.Add("vLLM and llama.cpp do not know trained token rows");
        if (patterned)
            notes.Add("vLLM ignores rank_pattern and alpha_pattern and would scale some modules wrongly");
        if (config.UseRslora || patterned)
            notes.Add("llama.cpp's converter writes lora_alpha as it is and would scale the adapter wrongly; a GGUF export by Afina is right");
        if (config.R > 16)
            notes.Add($"vLLM's server takes ranks up to 16 by default; start it with --max-lora-rank {Array.Find(VllmRanks, rank => rank >= config.R) switch { 0 => "(none is large enough)", var rank => rank }}");
        return notes;
    }
}

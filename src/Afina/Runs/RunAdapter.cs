using Afina.Adapters;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Training.Recipes;

namespace Afina.Runs;

/// <summary>The adapter that a run trains.</summary>
internal static class RunAdapter
{
    /// <summary>A new one on the model, or the one that the recipe goes on from.</summary>
    public static (Adapter Adapter, LoraConfig Config) Attach(Recipe recipe, LanguageModel model, ulong seed, List<string> notes)
    {
        var (adapter, config) = recipe.LoraModelDir is { } folder ? Load(recipe, model, folder, notes) : Lora.Create(model.Decoder, recipe.Lora, seed);
        var id = recipe.BaseModelId ?? model.Id ?? (recipe.BaseModel is { } path && Path.Exists(path) ? path : null);
        if (id is null)
            notes.Add("the base model's file does not say which model of Hugging Face it is: give base_model_id, or other programs will not find it");
        if (recipe.Weights is WeightFormat.Nf4 or WeightFormat.Fp4 && WeightConversion.IsFourBit(model.Decoder))
            notes.Add($"{model.Name} is stored in about 4 bits already: quantizing it again rounds twice; quantize=none trains over it as it is");
        return (adapter, config with { BaseModelNameOrPath = id ?? model.Name, TaskType = config.TaskType ?? "CAUSAL_LM" });
    }

    private static (Adapter Adapter, LoraConfig Config) Load(Recipe recipe, LanguageModel model, string folder, List<string> notes)
    {
        var (adapter, config) = Lora.Load(model.Decoder, folder);
        if (recipe.Given.ContainsKey("lora_dropout"))
        {
            config = config with { LoraDropout = recipe.Lora.LoraDropout };
            adapter.Dropout = (float)recipe.Lora.LoraDropout.Value;
        }

        notes.Add($"training goes on from the adapter {folder}: its own rank, alpha and targets hold");
        return (adapter, config);
    }
}

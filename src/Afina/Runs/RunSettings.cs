using System.Globalization;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Training;
using Afina.Training.Recipes;

namespace Afina.Runs;

/// <summary>The settings of a run that decide its result, by name: for the card, and to notice when a resumed run would differ.</summary>
internal static class RunSettings
{
    /// <summary>The settings in the order in which they are shown.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(Recipe recipe, TrainerOptions trainer, LoraConfig lora, DType type, string targets)
    {
        var optimizer = recipe.Optimizer;
        var list = new List<KeyValuePair<string, string>>();
        Add("rl", recipe.Objective.Name);
        foreach (var (name, value) in recipe.Objective.Settings)
            Add(name, value);
        Add("lora_r", lora.R);
        Add("lora_alpha", lora.LoraAlpha);
        Add("lora_dropout", (double)lora.LoraDropout);
        Add("lora_target_modules", targets);
        if (lora.ExcludeModules is not null)
            Add("lora_exclude_modules", lora.ExcludeModules);
        if (lora.RankPattern.Count > 0)
            Add("lora_rank_pattern", string.Join(", ", lora.RankPattern.Select(entry => $"{entry.Key}: {entry.Value}")));
        if (lora.AlphaPattern.Count > 0)
            Add("lora_alpha_pattern", string.Join(", ", lora.AlphaPattern.Select(entry => $"{entry.Key}: {entry.Value}")));
        Add("peft_use_rslora", lora.UseRslora ? "true" : "false");
        Add("lora_bias", lora.Bias);
        Add("peft_init_lora_weights", lora.InitLoraWeights);
        if (lora.LayersToTransform is { } layers)
            Add("peft_layers_to_transform", string.Join(", ", layers));
        Add("quantize", recipe.Weights == WeightFormat.AsStored ? "none" : recipe.Weights.ToString().ToLowerInvariant());
        Add("dtype", type == DType.BF16 ? "bf16" : "fp32");
        Add("sequence_len", recipe.SequenceLen);
        Add("train_on_inputs", recipe.TrainOnInputs ? "true" : "false");
        Add("micro_batch_size", trainer.MicroBatchSize);
        Add("gradient_accumulation_steps", trainer.GradientAccumulationSteps);
        Add("num_epochs", trainer.Epochs);
        if (trainer.MaxSteps is { } steps)
            Add("max_steps", steps);
        Add("learning_rate", trainer.LearningRate);
        Add("lr_scheduler", trainer.Scheduler);
        if (recipe.Given.TryGetValue("lr_scheduler_kwargs", out var options))
            Add("lr_scheduler_kwargs", options);
        Add(trainer.WarmupSteps is null ? "warmup_ratio" : "warmup_steps", trainer.WarmupSteps ?? trainer.WarmupRatio);
        Add("optimizer", optimizer.Name);
        if (recipe.Given.TryGetValue("optim_args", out var arguments))
            Add("optim_args", arguments);
        Add("weight_decay", optimizer.WeightDecay);
        Add("adam_beta1", optimizer.Beta1);
        Add("adam_beta2", optimizer.Beta2);
        Add("adam_epsilon", optimizer.Epsilon);
        Add("max_grad_norm", optimizer.MaxGradNorm);
        Add("label_smoothing_factor", recipe.Loss.LabelSmoothing);
        Add("seed", trainer.Seed);
        Add("shuffle_merged_datasets", trainer.Shuffle ? "true" : "false");
        Add("eval_steps", trainer.EvalSteps);
        Add("early_stopping_patience", trainer.EarlyStoppingPatience);
        Add("load_best_model_at_end", trainer.LoadBestModelAtEnd ? "true" : "false");
        return list;

        void Add(string name, object value) => list.Add(KeyValuePair.Create(name, Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""));
    }
}

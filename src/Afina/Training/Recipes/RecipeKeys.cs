using Afina.Data;
using Afina.Data.Preparation;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Training.Objectives.Losses;
using Afina.Training.Schedules;

namespace Afina.Training.Recipes;

/// <summary>The settings by name: those of axolotl and PEFT that a run on a CPU has, those that it can pass over, and Afina's own.</summary>
internal static class RecipeKeys
{
    private static readonly RecipeKey[] Table =
    [
        new("base_model", "folder or .gguf file of the base model", (r, s) => r with { BaseModel = s.Text() }),
        new("base_model_id", "the base model's id on Hugging Face, for the adapter's folder", (r, s) => r with { BaseModelId = s.Text() }),
        new("adapter", "lora or qlora", Adapter),
        Switch("load_in_4bit", "keep the base in NF4", (r, on) => on ? r with { Weights = WeightFormat.Nf4 } : r),
        new("quantize", "nf4, fp4 or none: how the base is kept", (r, s) => r with { Weights = s.OneOf("nf4", "fp4", "bf16", "fp32", "none") switch { "nf4" => WeightFormat.Nf4, "fp4" => WeightFormat.Fp4, "bf16" => WeightFormat.Bf16, "fp32" => WeightFormat.Fp32, _ => WeightFormat.AsStored } }),
        Lora("lora_r", "rank", (c, s) => c with { R = s.Whole(1, 4096) }),
        Lora("lora_alpha", "alpha: the scale is alpha / r", (c, s) => c with { LoraAlpha = Number(s, 0) }),
        Lora("lora_dropout", "dropout of the adapter's input", (c, s) => c with { LoraDropout = s.Number(0, 0.99) }),
        Lora("lora_target_modules", "names of modules, or one regular expression", (c, s) => c with { TargetModules = Targets(s) }),
        Switch("lora_target_linear", "adapt every linear layer", (r, on) => on ? r with { Lora = r.Lora with { TargetModules = ModuleNames.Expression("all-linear") } } : r),
        Lora("lora_exclude_modules", "modules that are left out", (c, s) => c with { ExcludeModules = Targets(s) }),
        Lora("lora_rank_pattern", "ranks of single modules", (c, s) => c with { RankPattern = Pattern(s, 1) }),
        Lora("lora_alpha_pattern", "alphas of single modules", (c, s) => c with { AlphaPattern = Pattern(s, 0) }),
        Lora("lora_bias", "none or lora_only: whether biases of adapted layers are trained", (c, s) => c with { Bias = s.OneOf("none", "lora_only") }),
        Switch("peft_use_rslora", "scale by alpha / √r", (r, on) => r with { Lora = r.Lora with { UseRslora = on } }),
        Lora("peft_init_lora_weights", "true, false or gaussian", (c, s) => c with { InitLoraWeights = s.OneOf("true", "false", "gaussian") }),
        Lora("peft_layers_to_transform", "layers to adapt", (c, s) => c with { LayersToTransform = [.. s.Items().Select(item => item.Whole(0))] }),
        Lora("peft_layers_pattern", "name of the list of layers", (c, s) => c with { LayersPattern = [.. s.Items().Select(item => item.Text())] }),
        new("lora_model_dir", "an adapter to train on from", (r, s) => r with { LoraModelDir = s.Text() }),
        new("datasets", "files of rows: path, or path, type, weight and split", (r, s) => r with { Datasets = Sources(s) }),
        new("test_datasets", "files of rows to measure on", (r, s) => r with { TestDatasets = Sources(s) }),
        new("val_set_size", "rows held out: a share below 1, else a number", (r, s) => r with { ValSetSize = s.Number(0) }),
        new("sequence_len", "most tokens of an example", (r, s) => r with { SequenceLen = s.Whole(2, 1 << 20) }),
        new("excess_length_strategy", "truncate, drop or raise: what becomes of longer ones", (r, s) => r with { Excess = s.OneOf("truncate", "drop", "raise") switch { "drop" => ExcessLength.Drop, "raise" => ExcessLength.Refuse, _ => ExcessLength.Cut } }),
        Switch("train_on_inputs", "train on prompts too", (r, on) => r with { TrainOnInputs = on }),
        new("chat_template_jinja", "a chat template, or the file of one", (r, s) => r with { ChatTemplate = s.Text() }),
        new("eos_token", "the token that ends a text", (r, s) => r with { EndToken = s.Text() }),
        Switch("skip_bad_rows", "leave out rows that cannot be used", (r, on) => r with { SkipBadRows = on }),
        new("output_dir", "folder of the adapter", (r, s) => r with { OutputDir = s.Text() is { Length: > 0 } path ? path : throw s.Refuse("must name a folder") }),
        Train("micro_batch_size", "examples of a micro-batch", (t, s) => t with { MicroBatchSize = s.Whole(1, 1 << 20) }),
        Train("gradient_accumulation_steps", "micro-batches of a step", (t, s) => t with { GradientAccumulationSteps = s.Whole(1, 1 << 20) }),
        Train("num_epochs", "epochs", (t, s) => t with { Epochs = s.Number(1e-6, 1e6) }),
        Train("max_steps", "steps in all", (t, s) => t with { MaxSteps = s.Whole(1) }),
        Train("learning_rate", "the peak rate", (t, s) => t with { LearningRate = s.Number(1e-12, 1e3) }),
        Train("lr_scheduler", "cosine, linear, constant and the others of transformers", (t, s) => t with { Scheduler = s.OneOf([.. Schedule.Names]) }),
        Train("lr_scheduler_kwargs", "options of the schedule", (t, s) => t with { SchedulerOptions = Options(s) }),
        Train("warmup_steps", "steps of warm-up", (t, s) => t with { WarmupSteps = s.Whole(0) }),
        Train("warmup_ratio", "share of the steps that warm up", (t, s) => t with { WarmupRatio = s.Number(0, 1), WarmupSteps = null }),
        Optimize("optimizer", "adamw_torch, lion_32bit, adafactor, sgd, or adamw_bnb_8bit and lion_8bit: state in 8 bits", (o, s) => o with { Name = OptimizerArguments.Name(s) }),
        Optimize("optim_args", "settings of one optimizer, such as momentum=0.9 of sgd", OptimizerArguments.Apply),
        Optimize("weight_decay", "decoupled weight decay", (o, s) => o with { WeightDecay = s.Number(0, 1e3) }),
        Optimize("adam_beta1", "β₁", (o, s) => o with { Beta1 = s.Number(0, 0.999999) }),
        Optimize("adam_beta2", "β₂", (o, s) => o with { Beta2 = s.Number(0, 0.9999999) }),
        Optimize("adam_epsilon", "ε", (o, s) => o with { Epsilon = s.Number(0, 1) }),
        Optimize("max_grad_norm", "gradients are clipped to this norm; 0: never", (o, s) => o with { MaxGradNorm = s.Number(0) }),
        new("rl", "dpo or ipo: train on pairs of answers, chosen and rejected; without it, supervised", Rl),
        Prefer("rl_beta", "how strongly preference training holds to the reference", (o, s) => o with { Beta = s.Number(1e-9, 1e6) }),
        Prefer("dpo_loss_type", "sigmoid, ipo, hinge and others of TRL; or a list, which is added", (o, s) => o with { LossType = [.. s.Items().Select(item => item.OneOf([.. DpoLoss.Names]))] }),
        Prefer("dpo_loss_weights", "a weight for each of several losses", (o, s) => o with { LossWeights = [.. s.Items().Select(item => item.Number())] }),
        Prefer("dpo_label_smoothing", "share of pairs taken to be the wrong way round (robust, exo_pair)", (o, s) => o with { LabelSmoothing = s.Number(0, 0.99) }),
        Prefer("ld_alpha", "what tokens beyond the shorter answer's length count, from 0 to 1", (o, s) => o with { LdAlpha = s.Number(0, 1) }),
        new("label_smoothing_factor", "label smoothing", (r, s) => r with { Loss = r.Loss with { LabelSmoothing = (float)s.Number(0, 0.99) } }),
        Train("seed", "seed of order, initialization and dropout", (t, s) => t with { Seed = (long)s.Number(0, 1L << 52) }),
        Switch("shuffle_merged_datasets", "shuffle the rows", (r, on) => r with { Training = r.Training with { Shuffle = on } }),
        Train("eval_steps", "steps between measurements of the held-out rows", (t, s) => t with { EvalSteps = s.Whole(0) }),
        Train("save_steps", "steps between checkpoints", (t, s) => t with { SaveSteps = s.Whole(0) }),
        Train("save_total_limit", "checkpoints kept", (t, s) => t with { SaveTotalLimit = s.Whole(1) }),
        Train("early_stopping_patience", "measurements without a better one before it stops", (t, s) => t with { EarlyStoppingPatience = s.Whole(0) }),
        Switch("load_best_model_at_end", "keep the adapter with the lowest held-out loss", (r, on) => r with { Training = r.Training with { LoadBestModelAtEnd = on } }),
        new("resume_from_checkpoint", "auto, true, false or a checkpoint's folder", (r, s) => r with { Resume = s.Text() }),
        Switch("auto_resume_from_checkpoints", "go on where a run was cut", (r, on) => r with { Resume = on ? "auto" : "false" }),
        new("dtype", "fp32 or bf16: type of the activations", (r, s) => r with { Type = s.OneOf("fp32", "bf16") == "bf16" ? DType.BF16 : DType.F32 }),
        new("bf16", "as dtype: true is bf16, auto as the machine has it", (r, s) => s.Text() is "auto" or "full" ? r : r with { Type = s.Flag() ? DType.BF16 : r.Type }),
        new("memory", "what the run may take, such as 2GB", (r, s) => r with { Memory = s.Bytes() }),
        new("micro_rows", "token rows computed at once", (r, s) => r with { MicroRows = s.Whole(1, 1 << 24) }),
        new("recomputation", "nothing, cheap or layers: what the backward computes again (default: what fits)", (r, s) => r with { Recomputation = Enum.Parse<Checkpoint>(s.OneOf("nothing", "cheap", "layers"), ignoreCase: true) }),
        new("gradient_checkpointing", "recompute whole layers", (r, s) => s.Text() is "unsloth" or "offload" || s.Flag() ? r with { Recomputation = Checkpoint.Layers } : r) { IsSwitch = true },
        Switch("frozen_prefix_cache", "keep the rows that layers below the adapter make, for later epochs", (r, on) => r with { Training = r.Training with { FrozenPrefixCache = on } }),
        new("threads", "threads", (r, s) => r with { Threads = s.Whole(1, 1024) }),
        .. Without("sample_packing", "eval_sample_packing", "pad_to_sequence_len", "sample_packing_group_size", "sample_packing_bin_size", "sample_packing_sequentially",
            "batch_flattening", "group_by_length", "model_type", "tokenizer_type", "fp16", "tf32", "gradient_checkpointing_kwargs", "attn_implementation",
            "flash_attention", "logging_steps", "dataset_prepared_path", "dataset_num_proc", "dataset_processes", "wandb_project", "wandb_entity", "wandb_watch", "wandb_name", "wandb_log_model", "wandb_run_id",
            "save_safetensors", "strict", "eval_batch_size", "trust_remote_code", "lora_mlp_kernel", "lora_qkv_kernel", "lora_o_kernel", "debug", "deepspeed", "fsdp", "fsdp_config", "bnb_config_kwargs", "precompute_ref_log_probs", "peft_autocast_adapter_dtype"),
        .. Not("load_in_8bit", "8-bit bases are not trained; use quantize=nf4 or none"),
        .. Not("peft_use_dora", "DoRA is not trained; leave it out"),
        .. Not("lora_modules_to_save", "whole modules are not trained; leave it out"),
        .. Not("peft_trainable_token_indices", "rows of the embedding are not trained; leave it out"),
        .. Not("neftune_noise_alpha", "noise on embeddings is not there; leave it out"),
        .. Not("gptq", "GPTQ bases are not read"),
        .. Not("special_tokens", "set eos_token, the only special token that training needs"),
        .. Not("tokens", "tokens cannot be added to a model here"),
        .. Not("loraplus_lr_ratio", "LoRA+ is not there; leave it out"),
    ];

    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal)
    {
        ["base"] = "base_model",
        ["output"] = "output_dir",
        ["bias"] = "lora_bias",
        ["use_rslora"] = "peft_use_rslora",
        ["target_modules"] = "lora_target_modules",
        ["layers_to_transform"] = "peft_layers_to_transform",
        ["rank_pattern"] = "lora_rank_pattern",
        ["alpha_pattern"] = "lora_alpha_pattern",
        ["dataset"] = "datasets",
        ["num_train_epochs"] = "num_epochs",
        ["lr_scheduler_type"] = "lr_scheduler",
        ["bfloat16"] = "bf16",
        ["optim"] = "optimizer",
        ["beta"] = "rl_beta",
        ["dpo_beta"] = "rl_beta",
        ["loss_type"] = "dpo_loss_type",
        ["loss_weights"] = "dpo_loss_weights",
        ["label_smoothing"] = "dpo_label_smoothing",
    };

    private static readonly Dictionary<string, RecipeKey> Known = Table.ToDictionary(key => key.Name, StringComparer.Ordinal);

    /// <summary>Every setting that does something.</summary>
    public static IEnumerable<RecipeKey> Effective => Table.Where(key => key.Apply is not null);

    /// <summary>Names to suggest.</summary>
    public static IEnumerable<string> Names => Table.Where(key => key.Refused is null).Select(key => key.Name);

    /// <summary>The setting of that name, or null.</summary>
    public static RecipeKey? Find(string name) => Known.GetValueOrDefault(Aliases.GetValueOrDefault(name, name));

    /// <summary>" (did you mean X?)": the nearest name, or one that the name begins with.</summary>
    /// <param name="name">What was written.</param>
    /// <param name="shown">How a name is shown.</param>
    public static string Hint(string name, Func<string, string>? shown = null)
    {
        var folded = name.Replace('-', '_');
        var nearest = NearestName.Find(folded, Names)
            ?? Names.Where(candidate => candidate.Contains('_') && folded.StartsWith(candidate, StringComparison.OrdinalIgnoreCase)).MaxBy(candidate => candidate.Length);
        return nearest is null ? "" : $" (did you mean {shown?.Invoke(nearest) ?? nearest}?)";
    }

    private static RecipeKey Switch(string name, string help, Func<Recipe, bool, Recipe> apply) => new(name, help, (recipe, setting) => apply(recipe, setting.Flag())) { IsSwitch = true };

    private static RecipeKey Lora(string name, string help, Func<LoraConfig, Setting, LoraConfig> apply) => new(name, help, (recipe, setting) => recipe with { Lora = apply(recipe.Lora, setting) });

    private static RecipeKey Train(string name, string help, Func<TrainerOptions, Setting, TrainerOptions> apply) => new(name, help, (recipe, setting) => recipe with { Training = apply(recipe.Training, setting) });

    private static RecipeKey Prefer(string name, string help, Func<DpoOptions, Setting, DpoOptions> apply) => new(name, help, (recipe, setting) => recipe with { Dpo = apply(recipe.Dpo, setting) });

    private static RecipeKey Optimize(string name, string help, Func<OptimizerOptions, Setting, OptimizerOptions> apply) => new(name, help, (recipe, setting) => recipe with { Optimizer = apply(recipe.Optimizer, setting) });

    /// <summary>Settings of a GPU, of padding or of reporting: nothing here depends on them.</summary>
    private static IEnumerable<RecipeKey> Without(params string[] names) => names.Select(name => new RecipeKey(name, "", null));

    private static IEnumerable<RecipeKey> Not(string name, string why) => [new RecipeKey(name, "", null, why)];

    private static Recipe Adapter(Recipe recipe, Setting setting) => setting.OneOf("lora", "qlora") switch
    {
        "qlora" when recipe.Weights is not WeightFormat.Fp4 => recipe with { Weights = WeightFormat.Nf4 },
        _ => recipe,
    };

    private static Recipe Rl(Recipe recipe, Setting setting) => setting.Text().ToLowerInvariant() switch
    {
        "false" or "no" or "none" or "sft" => recipe with { Rl = "sft" },
        "dpo" => recipe with { Rl = "dpo" },
        "ipo" => recipe with { Rl = "dpo", Dpo = recipe.Dpo with { LossType = ["ipo"] } },
        var other => throw setting.Refuse($"there is dpo (and ipo, its kin), not '{other}'; leave it out for supervised fine-tuning"),
    };

    private static PeftNumber Number(Setting setting, double least) =>
        setting.Number(least, 1e6) is var value && value == Math.Floor(value) && !setting.Text().Contains('.') ? (int)value : value;

    private static ModuleNames Targets(Setting setting) => setting.IsList
        ? ModuleNames.List(setting.Items().Select(item => item.Text()))
        : setting.Text() is var text && text.Contains(',') && !text.Any(c => "()[]{}|*+?^$\\".Contains(c)) ? ModuleNames.List(text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        : text.Equals("all-linear", StringComparison.OrdinalIgnoreCase) || text.Any(c => "()[]{}|*+?^$\\".Contains(c)) ? ModuleNames.Expression(text)
        : ModuleNames.List(text);

    private static IReadOnlyList<KeyValuePair<string, PeftNumber>> Pattern(Setting setting, double least) => [.. setting.Entries().Select(entry => KeyValuePair.Create(entry.Name, Number(entry, least)))];

    private static ScheduleOptions Options(Setting setting)
    {
        try
        {
            return ScheduleOptions.Parse(setting.Entries().Select(entry => KeyValuePair.Create(entry.Name, entry.Text())));
        }
        catch (FormatException error) when (error is not SettingException)
        {
            throw setting.Refuse(error.Message);
        }
    }

    private static List<DataSource> Sources(Setting setting)
    {
        var sources = new List<DataSource>();
        foreach (var item in setting.Items())
        {
            if (!item.IsMap)
            {
                sources.Add(Source(item));
                continue;
            }

            var source = new DataSource("");
            foreach (var entry in item.Entries().Where(entry => !entry.IsEmpty))
            {
                source = entry.Name switch
                {
                    "path" => source with { Path = entry.Text() },
                    "type" => source with { Type = entry.Text() },
                    "weight" => source with { Weight = entry.Number(1e-6, 1000) },
                    "split" => source with { Split = entry.Text() },
                    "data_files" when source.Path.Length == 0 || !Directory.Exists(source.Path) => source with { Path = entry.Text() },
                    "ds_type" or "shuffle" => source,
                    _ => throw entry.Refuse($"a data set has no such setting{NearestName.Hint(entry.Name, ["path", "type", "weight", "split"])}; it has path, type, weight and split"),
                };
            }

            sources.Add(source.Path.Length > 0 ? source : throw item.Refuse("path is missing"));
        }

        return sources;
    }

    private static DataSource Source(Setting item)
    {
        try
        {
            return DataSource.Parse(item.Text());
        }
        catch (FormatException error) when (error is not SettingException)
        {
            throw item.Refuse(error.Message);
        }
    }
}

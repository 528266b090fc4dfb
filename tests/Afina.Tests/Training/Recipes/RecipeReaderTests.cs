using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Training.Recipes;
using Xunit;

namespace Afina.Tests.Training.Recipes;

public sealed class RecipeReaderTests
{
    [Fact]
    public void A_typical_qlora_recipe_of_axolotl_is_read()
    {
        var recipe = RecipeReader.Parse("""
            base_model: models/llama
            model_type: AutoModelForCausalLM
            load_in_4bit: true
            adapter: qlora
            lora_r: 32
            lora_alpha: 16
            lora_dropout: 0.05
            lora_target_linear: true
            datasets:
              - path: rows.jsonl
                type: alpaca
                weight: 2
              - more.csv:0.5
            val_set_size: 0.1
            sequence_len: 2048
            sample_packing: true
            gradient_accumulation_steps: 4
            micro_batch_size: 2
            num_epochs: 1.5
            optimizer: paged_adamw_32bit
            lr_scheduler: cosine_with_min_lr
            lr_scheduler_kwargs:
              min_lr_rate: 0.1
            learning_rate: 0.0002
            bf16: auto
            gradient_checkpointing: true
            warmup_ratio: 0.1
            wandb_project:
            resume_from_checkpoint:
            special_tokens:
            """, "qlora.yaml");

        Assert.Equal(("models/llama", WeightFormat.Nf4, 32, 16.0, 0.05), (recipe.BaseModel, recipe.Weights, recipe.Lora.R, (double)recipe.Lora.LoraAlpha, (double)recipe.Lora.LoraDropout));
        Assert.True(recipe.Lora.TargetModules!.IsAllLinear);
        Assert.Equal([("rows.jsonl", 2.0, "alpaca"), ("more.csv", 0.5, null)], recipe.Datasets.Select(source => (source.Path, source.Weight, source.Type)));
        Assert.Equal((2, 4, 1.5, 0.0002, 0.1), (recipe.Training.MicroBatchSize, recipe.Training.GradientAccumulationSteps, recipe.Training.Epochs, recipe.Training.LearningRate, recipe.Training.WarmupRatio));
        Assert.Equal((0.1, "adamw_torch", null, "auto"), (recipe.Training.SchedulerOptions!.MinLrRate, recipe.Optimizer.Name, recipe.Type, recipe.Resume));
    }

    [Theory]
    [InlineData("rl_beta: 0.2\nrl: dpo", "direct preference optimization (sigmoid, β = 0.2)")]
    [InlineData("rl: ipo", "direct preference optimization (ipo, β = 0.1)")]
    [InlineData("rl: dpo\ndpo_beta: 0.5\ndpo_loss_type: [sigmoid, sft]\ndpo_loss_weights: [1, 0.2]", "direct preference optimization (sigmoid + sft, β = 0.5)")]
    [InlineData("rl: false", "supervised fine-tuning")]
    [InlineData("lora_r: 8", "supervised fine-tuning")]
    public void The_objective_is_that_of_rl_and_its_options(string yaml, string summary)
    {
        var recipe = RecipeReader.Parse(yaml, "r.yaml");
        RecipeRules.Require(recipe);

        Assert.Equal(summary, recipe.Objective.Summary);
    }

    [Theory]
    [InlineData("beta: 0.2", "rl_beta belongs to preference training; set rl=dpo too")]
    [InlineData("rl: dpo\nlabel_smoothing_factor: 0.1", "label_smoothing_factor belongs to supervised fine-tuning")]
    [InlineData("rl: dpo\nloss_type: exo_pair", "exo_pair needs label_smoothing")]
    [InlineData("rl: dpo\nloss_type: [sigmoid, sft]\nloss_weights: [1]", "loss_weights has 1 numbers for 2 losses")]
    public void Settings_that_do_not_fit_the_objective_are_refused(string yaml, string words) =>
        Assert.Contains(words, Assert.Throws<SettingException>(() => RecipeRules.Require(RecipeReader.Parse(yaml, "r.yaml"))).Message);

    [Theory]
    [InlineData("lora_r: 8\nlora_rnak: 8", "r.yaml:2:1: unknown setting lora_rnak (did you mean lora_r?)")]
    [InlineData("learnig_rate: 1", "r.yaml:1:1: unknown setting learnig_rate (did you mean learning_rate?)")]
    [InlineData("lora_r: many", "r.yaml:1:9: lora_r: must be a number, not 'many'")]
    [InlineData("lora_r: 0", "r.yaml:1:9: lora_r: is 0, but must be from 1 to 4096")]
    [InlineData("lora_r: 1.5", "r.yaml:1:9: lora_r: must be a whole number, not '1.5'")]
    [InlineData("peft_use_rslora: perhaps", "r.yaml:1:18: peft_use_rslora: must be true or false, not 'perhaps'")]
    [InlineData("lr_scheduler: cosinus", "must be ")]
    [InlineData("lr_scheduler: cosinus", "(did you mean cosine?)")]
    [InlineData("peft_use_dora: true", "r.yaml:1:1: peft_use_dora: DoRA is not trained")]
    [InlineData("load_in_8bit: true", "8-bit bases are not trained")]
    [InlineData("datasets:\n  - pth: x", "did you mean path?")]
    [InlineData("datasets:\n  - type: chat", "path is missing")]
    [InlineData("optimizer: muon", "use adamw_torch, adamw_bnb_8bit, lion_32bit, lion_8bit, adafactor or sgd")]
    [InlineData("optim_args:\n  momentun: 1", "r.yaml:2:13: momentun: no optimizer has such a setting (did you mean momentum?)")]
    [InlineData("optim_args: momentum", "optim_args: must be name=value with commas between, not 'momentum'")]
    public void What_does_not_fit_is_named_with_its_place(string yaml, string message) =>
        Assert.Contains(message, Assert.Throws<SettingException>(() => RecipeReader.Parse(yaml, "r.yaml")).Message);

    [Theory]
    [InlineData("optim_args: momentum=0.9, nesterov=true")]
    [InlineData("optim_args: {momentum: 0.9, nesterov: true}")]
    public void Settings_of_one_optimizer_are_a_map_or_a_text(string yaml)
    {
        var optimizer = RecipeReader.Parse("optimizer: sgd\n" + yaml, "r.yaml").Optimizer;

        Assert.Equal(("sgd", 0.9, true), (optimizer.Name, optimizer.Momentum, optimizer.Nesterov));
    }

    [Theory]
    [InlineData("paged_adamw_32bit", "adamw_torch")]
    [InlineData("adamw_8bit", "adamw_bnb_8bit")]
    [InlineData("paged_adamw_8bit", "adamw_bnb_8bit")]
    [InlineData("paged_lion_8bit", "lion_8bit")]
    public void Optimizers_have_the_names_of_axolotl_and_transformers(string name, string same) =>
        Assert.Equal(same, RecipeReader.Parse($"optimizer: {name}", "r.yaml").Optimizer.Name);

    [Theory]
    [InlineData("[1, 2]")]
    [InlineData("text")]
    [InlineData("a: 1\na: 2")]
    [InlineData("a: [")]
    [InlineData("x: &a [1]\ny: *a")]
    [InlineData("--- {}\n--- {}")]
    [InlineData("x: [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]")]
    public void What_is_no_list_of_settings_is_refused_in_one_line(string yaml) =>
        Assert.DoesNotContain('\n', Assert.Throws<InvalidDataException>(() => RecipeReader.Parse(yaml, "r.yaml")).Message);

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("load_in_8bit: false\npeft_use_dora:\n")]
    public void What_is_empty_or_switched_off_changes_nothing(string yaml) => Assert.Empty(RecipeReader.Parse(yaml, "r.yaml").Given);

    [Theory]
    [InlineData("2GB", 2_000_000_000)]
    [InlineData("1.5 GiB", 1_610_612_736)]
    [InlineData("800mb", 800_000_000)]
    public void Amounts_have_units(string text, long bytes) => Assert.Equal(bytes, RecipeReader.With(new Recipe(), "memory", text).Memory);

    [Fact]
    public void Settings_of_the_command_line_are_lists_and_maps_too()
    {
        var recipe = RecipeReader.With(new Recipe(), "lora-target-modules", "[q_proj, v_proj]");
        recipe = RecipeReader.With(recipe, "lora_rank_pattern", "{q_proj: 4}");
        recipe = RecipeReader.With(recipe, "base", "folder");
        recipe = RecipeReader.With(recipe, "dtype", "fp32");

        Assert.Equal(["q_proj", "v_proj"], recipe.Lora.TargetModules!.Names!);
        Assert.Equal(("q_proj", 4.0), (recipe.Lora.RankPattern[0].Key, (double)recipe.Lora.RankPattern[0].Value));
        Assert.Equal(("folder", DType.F32), (recipe.BaseModel, recipe.Type));
        Assert.Equal(["base_model", "dtype", "lora_rank_pattern", "lora_target_modules"], recipe.Given.Keys.Order());
    }

    [Theory]
    [InlineData("q_proj,v_proj", null)]
    [InlineData("all-linear", "all-linear")]
    [InlineData(@".*\.(q|v)_proj", @".*\.(q|v)_proj")]
    public void A_text_of_targets_is_names_or_an_expression(string text, string? pattern) =>
        Assert.Equal(pattern, RecipeReader.With(new Recipe(), "lora_target_modules", text).Lora.TargetModules!.Pattern);
}

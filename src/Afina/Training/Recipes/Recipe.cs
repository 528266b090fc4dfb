using Afina.Data;
using Afina.Data.Preparation;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Training.Objectives;
using Afina.Training.Objectives.Losses;

namespace Afina.Training.Recipes;

/// <summary>Everything that a fine-tuning run is told: what to train on, from what, how, and where to.</summary>
public sealed record Recipe
{
    /// <summary>The base model's folder or file (<c>base_model</c>); null: the model that comes with Afina.</summary>
    public string? BaseModel { get; init; }

    /// <summary>The id under which Hugging Face has the base model (<c>base_model_id</c>); null: as the base model says.</summary>
    public string? BaseModelId { get; init; }

    /// <summary>How the frozen weights are kept (<c>quantize</c>, <c>load_in_4bit</c>).</summary>
    public WeightFormat Weights { get; init; }

    /// <summary>The adapter (<c>lora_*</c>, <c>peft_*</c>).</summary>
    public LoraConfig Lora { get; init; } = new() { R = 16, LoraAlpha = 32, TargetModules = ModuleNames.Expression("all-linear"), TaskType = "CAUSAL_LM" };

    /// <summary>An adapter to train on from (<c>lora_model_dir</c>).</summary>
    public string? LoraModelDir { get; init; }

    /// <summary>The rows to train on (<c>datasets</c>).</summary>
    public IReadOnlyList<DataSource> Datasets { get; init; } = [];

    /// <summary>The rows to measure on (<c>test_datasets</c>).</summary>
    public IReadOnlyList<DataSource> TestDatasets { get; init; } = [];

    /// <summary>Rows to hold out (<c>val_set_size</c>): below 1 a share, from 1 on a number; null: a tenth where there are fifty rows or more.</summary>
    public double? ValSetSize { get; init; }

    /// <summary>The most tokens of an example (<c>sequence_len</c>).</summary>
    public int SequenceLen { get; init; } = 1024;

    /// <summary>What becomes of longer examples (<c>excess_length_strategy</c>).</summary>
    public ExcessLength Excess { get; init; }

    /// <summary>Whether prompts are trained too (<c>train_on_inputs</c>).</summary>
    public bool TrainOnInputs { get; init; }

    /// <summary>A chat template, or the file of one, in the place of the model's (<c>chat_template_jinja</c>).</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>An end-of-sequence token in the place of the tokenizer's (<c>eos_token</c>).</summary>
    public string? EndToken { get; init; }

    /// <summary>Whether rows that cannot be used are left out (<c>skip_bad_rows</c>).</summary>
    public bool SkipBadRows { get; init; }

    /// <summary>Where the adapter goes (<c>output_dir</c>).</summary>
    public string OutputDir { get; init; } = "afina-out";

    /// <summary>Steps, rates, order, measurements and checkpoints.</summary>
    public TrainerOptions Training { get; init; } = new() { Epochs = 2, LearningRate = 0 };

    /// <summary>How parameters are moved.</summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary>The options of the loss of supervised fine-tuning.</summary>
    public LossOptions Loss { get; init; } = new();

    /// <summary>The name of the objective (<c>rl</c>): sft or dpo.</summary>
    public string Rl { get; init; } = "sft";

    /// <summary>The options of preference training (<c>rl_beta</c>, <c>dpo_*</c>).</summary>
    public DpoOptions Dpo { get; init; } = new();

    /// <summary>What the training wants.</summary>
    public Objective Objective => Rl == "dpo" ? new Dpo(Dpo) : new Supervised();

    /// <summary>Type of the activations (<c>dtype</c>); null: BF16 where the processor multiplies it, else F32.</summary>
    public DType? Type { get; init; }

    /// <summary>Bytes that the process may take (<c>memory</c>).</summary>
    public long? Memory { get; init; }

    /// <summary>Rows of a micro-step (<c>micro_rows</c>).</summary>
    public int? MicroRows { get; init; }

    /// <summary>What the backward computes again (<c>recomputation</c>, <c>gradient_checkpointing</c>); null: the planner's choice.</summary>
    public Checkpoint? Recomputation { get; init; }

    /// <summary>Threads (<c>threads</c>); null: one per processor.</summary>
    public int? Threads { get; init; }

    /// <summary><c>auto</c>, <c>true</c>, <c>false</c> or a checkpoint's folder (<c>resume_from_checkpoint</c>).</summary>
    public string Resume { get; init; } = "auto";

    /// <summary>The settings that were given, by name, as they were written.</summary>
    public IReadOnlyDictionary<string, string> Given { get; init; } = new Dictionary<string, string>();
}

using Afina.Training.Schedules;

namespace Afina.Training;

/// <summary>How a training runs, under the names of axolotl and transformers.</summary>
public sealed record TrainerOptions
{
    /// <summary>Epochs; a part of one is allowed (<c>num_epochs</c>).</summary>
    public double Epochs { get; init; } = 1;

    /// <summary>Steps in all, whatever the epochs say (<c>max_steps</c>); null: as the epochs say.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>Examples of a micro-batch (<c>micro_batch_size</c>).</summary>
    public int MicroBatchSize { get; init; } = 8;

    /// <summary>Micro-batches of a step (<c>gradient_accumulation_steps</c>). How a step is cut to fit memory is the planner's choice and
    /// changes no result but rounding.</summary>
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>The peak rate (<c>learning_rate</c>).</summary>
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>The schedule's name (<c>lr_scheduler</c>).</summary>
    public string Scheduler { get; init; } = "cosine";

    /// <summary>The schedule's options.</summary>
    public ScheduleOptions? SchedulerOptions { get; init; }

    /// <summary>Steps of warm-up (<c>warmup_steps</c>).</summary>
    public int? WarmupSteps { get; init; }

    /// <summary>Share of the steps that warm up, rounded up (<c>warmup_ratio</c>).</summary>
    public double WarmupRatio { get; init; } = 0.03;

    /// <summary>Seed of order, initialization and dropout (<c>seed</c>).</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Whether the examples are shuffled in each epoch.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Steps between measurements of the held-out examples (<c>eval_steps</c>); 0: at the end of each epoch only.</summary>
    public int EvalSteps { get; init; }

    /// <summary>Steps between checkpoints (<c>save_steps</c>); 0: at the end of each epoch.</summary>
    public int SaveSteps { get; init; }

    /// <summary>Checkpoints kept (<c>save_total_limit</c>).</summary>
    public int SaveTotalLimit { get; init; } = 2;

    /// <summary>Measurements without a better held-out loss after which the training stops (<c>early_stopping_patience</c>); 0: never.</summary>
    public int EarlyStoppingPatience { get; init; }

    /// <summary>Whether the adapter with the lowest held-out loss is kept at the end (<c>load_best_model_at_end</c>).</summary>
    public bool LoadBestModelAtEnd { get; init; } = true;

    /// <summary>Whether rows that come out of layers below everything that is trained are kept for later epochs, where there is memory for
    /// them (<c>frozen_prefix_cache</c>). Changes no bit.</summary>
    public bool FrozenPrefixCache { get; init; } = true;

    /// <summary>Fewest common tokens for which a prefix is computed once; 0: never. Off under dropout, where each example draws its own mask.</summary>
    public int SharedPrefix { get; init; } = 16;
}

namespace Afina.Training;

/// <summary>How parameters are moved along their gradients.</summary>
public sealed record OptimizerOptions
{
    /// <summary><c>adamw_torch</c>, <c>adamw_bnb_8bit</c> (its state in 8 bits) or <c>sgd</c>.</summary>
    public string Name { get; init; } = "adamw_torch";

    /// <summary>β₁ of Adam.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂ of Adam.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>ε of Adam.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Momentum of sgd.</summary>
    public double Momentum { get; init; }

    /// <summary>Largest norm of all gradients together; 0: no clipping.</summary>
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Weight decay of a parameter, where it is not the common one.</summary>
    public Func<string, double>? WeightDecayOf { get; init; }
}

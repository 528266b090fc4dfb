namespace Afina.Training;

/// <summary>How parameters are moved along their gradients.</summary>
public sealed record OptimizerOptions
{
    /// <summary><c>adamw_torch</c>, <c>lion_32bit</c>, <c>adamw_bnb_8bit</c> or <c>lion_8bit</c> (their state in 8 bits), <c>adafactor</c> or <c>sgd</c>.</summary>
    public string Name { get; init; } = "adamw_torch";

    /// <summary>β₁ of Adam and Lion.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>β₂ of Adam and Lion.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>ε of Adam.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Weight decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Whether Adam's decay is apart from the gradient (AdamW); false adds it to the gradient (Adam).</summary>
    public bool DecoupledDecay { get; init; } = true;

    /// <summary>Momentum of sgd.</summary>
    public double Momentum { get; init; }

    /// <summary>Share of the gradient that sgd's momentum leaves out.</summary>
    public double Dampening { get; init; }

    /// <summary>Whether sgd looks a step of its momentum ahead.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Whether Adafactor's rate grows with the parameter.</summary>
    public bool ScaleParameter { get; init; }

    /// <summary>Whether Adafactor's rate follows from the step.</summary>
    public bool RelativeStep { get; init; }

    /// <summary>Whether Adafactor's own rate begins small.</summary>
    public bool WarmupInit { get; init; }

    /// <summary>The largest root mean square of an update of Adafactor.</summary>
    public double ClipThreshold { get; init; } = 1;

    /// <summary>The exponent with which Adafactor's means grow slower.</summary>
    public double DecayRate { get; init; } = -0.8;

    /// <summary>Largest norm of all gradients together; 0: no clipping.</summary>
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Weight decay of a parameter, where it is not the common one.</summary>
    public Func<string, double>? WeightDecayOf { get; init; }
}

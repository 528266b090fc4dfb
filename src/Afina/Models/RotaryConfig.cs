namespace Afina.Models;

/// <summary>The frequencies of a rotary embedding and how they are scaled for long contexts (the <c>rope_type</c> of config.json).</summary>
/// <remarks>Formulas: Su et al. 2021; dynamic NTK; yarn (Peng et al. 2023); llama3; longrope (Ding et al. 2024), as transformers computes them.</remarks>
public sealed record RotaryConfig
{
    /// <summary>default, linear, dynamic, llama3, yarn or longrope.</summary>
    public string Type { get; init; } = "default";

    /// <summary>Rotated elements of a head.</summary>
    public required int Dim { get; init; }

    /// <summary>The base θ.</summary>
    public required double Theta { get; init; }

    /// <summary>Positions of the model, for dynamic.</summary>
    public int MaxPositions { get; init; }

    /// <summary>Positions of the model before it was extended.</summary>
    public int OriginalMaxPositions { get; init; }

    /// <summary>The stretch.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>llama3: wavelengths above original / this are divided.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>llama3: wavelengths below original / this are kept.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>yarn: turns above which a frequency is kept.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>yarn: turns below which a frequency is divided.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>yarn: whether the ramp's ends are rounded outwards.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>yarn, longrope: the factor of cosine and sine, where it is given.</summary>
    public double? GivenAttentionFactor { get; init; }

    /// <summary>yarn: mscale.</summary>
    public double? MScale { get; init; }

    /// <summary>yarn: mscale_all_dim.</summary>
    public double? MScaleAllDim { get; init; }

    /// <summary>longrope: divisors up to the original length.</summary>
    public IReadOnlyList<double> ShortFactors { get; init; } = [];

    /// <summary>longrope: divisors beyond it. With type default: GGUF's divisors of each frequency.</summary>
    public IReadOnlyList<double> LongFactors { get; init; } = [];

    /// <summary>The factor of cosine and sine.</summary>
    public float AttentionFactor => (float)(Type switch
    {
        "yarn" => GivenAttentionFactor ?? (MScale is { } m && m != 0 && MScaleAllDim is { } all && all != 0 ? Magnitude(m) / Magnitude(all) : Magnitude(1)),
        "longrope" => GivenAttentionFactor ?? (Factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(Factor) / Math.Log(OriginalMaxPositions))),
        _ => 1,
    });

    /// <summary>Whether the frequencies depend on how long the sequence is.</summary>
    public bool DependsOnLength => Type is "dynamic" or "longrope";

    /// <summary>The frequencies for sequences of <paramref name="length"/> positions.</summary>
    public float[] Frequencies(int length)
    {
        var result = new float[Dim / 2];
        var theta = Theta;
        if (Type == "dynamic")
        {
            var longest = Math.Max(length, MaxPositions);
            theta *= Math.Pow(Factor * longest / MaxPositions - (Factor - 1), Dim / (double)(Dim - 2));
        }

        for (var j = 0; j < result.Length; j++)
        {
            var frequency = 1 / Math.Pow(theta, 2.0 * j / Dim);
            result[j] = (float)(Type switch
            {
                "linear" => frequency / Factor,
                "llama3" => Llama3(frequency),
                "yarn" => Yarn(frequency, j),
                "longrope" => frequency / (length > OriginalMaxPositions ? LongFactors : ShortFactors)[j],
                _ => LongFactors.Count > 0 ? frequency / LongFactors[j] : frequency,
            });
        }

        return result;
    }

    private double Llama3(double frequency)
    {
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength < OriginalMaxPositions / HighFrequencyFactor)
            return frequency;
        if (wavelength > OriginalMaxPositions / LowFrequencyFactor)
            return frequency / Factor;
        var smooth = (OriginalMaxPositions / wavelength - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return frequency * ((1 - smooth) / Factor + smooth);
    }

    private double Yarn(double frequency, int pair)
    {
        var (low, high) = (Turns(BetaFast), Turns(BetaSlow));
        if (Truncate)
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, Dim - 1));
        if (low == high)
            high += 0.001;
        var ramp = Math.Clamp((pair - low) / (high - low), 0, 1);
        return frequency / Factor * ramp + frequency * (1 - ramp);

        double Turns(double count) => Dim * Math.Log(OriginalMaxPositions / (count * 2 * Math.PI)) / (2 * Math.Log(Theta));
    }

    private double Magnitude(double scale) => Factor <= 1 ? 1 : 0.1 * scale * Math.Log(Factor) + 1;
}

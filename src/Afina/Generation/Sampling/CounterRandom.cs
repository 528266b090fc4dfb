namespace Afina.Generation.Sampling;

/// <summary>Random numbers that are a function of a seed and a position (the finalizer of SplitMix64, Steele et al. 2014, over both), so a
/// request draws the same whatever else runs beside it.</summary>
internal static class CounterRandom
{
    /// <summary>A number in [0, 1) with 53 random bits.</summary>
    public static double Uniform(ulong seed, ulong position) =>
        (Mix(Mix(seed + 0x9E37_79B9_7F4A_7C15) + position * 0x9E37_79B9_7F4A_7C15) >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58_476D_1CE4_E5B9;
        x = (x ^ (x >> 27)) * 0x94D0_49BB_1331_11EB;
        return x ^ (x >> 31);
    }
}

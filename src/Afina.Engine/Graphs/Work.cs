namespace Afina.Engine.Graphs;

/// <summary>What a node does in a run, by its contract: not what a kernel happens to do.</summary>
/// <param name="Flops">Operations of its products, a multiplication and an addition counted as two; 0 where there is no product.</param>
/// <param name="Bytes">Bytes of what it reads and writes, each value once.</param>
public readonly record struct Work(double Flops, double Bytes)
{
    /// <summary>Both together.</summary>
    public static Work operator +(Work a, Work b) => new(a.Flops + b.Flops, a.Bytes + b.Bytes);

    /// <summary>Seconds that it would take at the machine's limits: products at their rate, or the bytes from memory, whichever is longer.</summary>
    public double SecondsAt(double flopsPerSecond, double bytesPerSecond) =>
        Math.Max(flopsPerSecond > 0 ? Flops / flopsPerSecond : 0, bytesPerSecond > 0 ? Bytes / bytesPerSecond : 0);
}

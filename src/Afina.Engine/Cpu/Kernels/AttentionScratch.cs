namespace Afina.Engine.Cpu.Kernels;

/// <summary>Lays out scratch memory: each piece begins at a cache line.</summary>
internal struct AttentionScratch
{
    public long Bytes { get; private set; }

    /// <summary>Where a piece of so many bytes begins.</summary>
    public long Take(long bytes)
    {
        var at = Bytes;
        Bytes += (bytes + 63) & ~63L;
        return at;
    }
}

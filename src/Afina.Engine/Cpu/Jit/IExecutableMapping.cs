namespace Afina.Engine.Cpu.Jit;

/// <summary>What an operating system offers for memory that is first written and then run.</summary>
internal unsafe interface IExecutableMapping
{
    /// <summary>Maps fresh memory that can be read and written; null when refused.</summary>
    byte* Map(nuint bytes);

    /// <summary>Takes the right to write away and gives the right to run; false when refused.</summary>
    bool Seal(byte* memory, nuint bytes);

    /// <summary>Gives the memory back.</summary>
    void Unmap(byte* memory, nuint bytes);
}

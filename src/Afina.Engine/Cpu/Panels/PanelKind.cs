namespace Afina.Engine.Cpu.Panels;

/// <summary>What the elements of a packed panel are.</summary>
internal enum PanelKind : byte
{
    /// <summary>fp32 as given.</summary>
    Fp32,

    /// <summary>fp32 that holds values rounded to bfloat16: bf16 products where the processor has no instruction for them.</summary>
    RoundedFp32,

    /// <summary>Pairs of bfloat16 along the inner dimension.</summary>
    Bf16,
}

namespace Afina.Engine.Cpu.Gemm;

/// <summary>In what precision a product's operands enter it; sums are always fp32.</summary>
internal enum ComputeMode : byte
{
    /// <summary>Operands in fp32: for conformance and gradient checks.</summary>
    Fp32,

    /// <summary>Operands rounded to nearest even to bfloat16.</summary>
    Bf16,
}

using Afina.Engine.Tensors;

namespace Afina.Formats.Safetensors;

/// <summary>The element types of the safetensors format, in its own order: files list larger members first.</summary>
#pragma warning disable CA1707 // the format's own names
public enum SafetensorsType
{
    BOOL,
    F4,
    F6_E2M3,
    F6_E3M2,
    U8,
    I8,
    F8_E5M2,
    F8_E4M3,
    F8_E8M0,
    F8_E4M3FNUZ,
    F8_E5M2FNUZ,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    C64,
    F64,
    I64,
    U64,
}
#pragma warning restore CA1707

/// <summary>Sizes and names of the element types.</summary>
public static class SafetensorsTypes
{
    /// <summary>Bits of one element.</summary>
    public static int Bits(this SafetensorsType type) => type switch
    {
        SafetensorsType.F4 => 4,
        SafetensorsType.F6_E2M3 or SafetensorsType.F6_E3M2 => 6,
        >= SafetensorsType.C64 => 64,
        >= SafetensorsType.I32 => 32,
        >= SafetensorsType.I16 => 16,
        _ => 8,
    };

    /// <summary>The engine's type for these elements, or null where it has none.</summary>
    public static DType? ToDType(this SafetensorsType type) => type switch
    {
        SafetensorsType.F32 => DType.F32,
        SafetensorsType.BF16 => DType.BF16,
        SafetensorsType.F16 => DType.F16,
        SafetensorsType.F64 => DType.F64,
        SafetensorsType.I64 => DType.I64,
        SafetensorsType.I32 => DType.I32,
        SafetensorsType.I16 => DType.I16,
        SafetensorsType.I8 => DType.I8,
        SafetensorsType.U8 => DType.U8,
        SafetensorsType.BOOL => DType.Bool,
        _ => null,
    };

    /// <summary>The format's type for the engine's elements.</summary>
    public static SafetensorsType ToSafetensors(this DType type) => type switch
    {
        DType.F32 => SafetensorsType.F32,
        DType.BF16 => SafetensorsType.BF16,
        DType.F16 => SafetensorsType.F16,
        DType.F64 => SafetensorsType.F64,
        DType.I64 => SafetensorsType.I64,
        DType.I32 => SafetensorsType.I32,
        DType.I16 => SafetensorsType.I16,
        DType.I8 => SafetensorsType.I8,
        DType.U8 => SafetensorsType.U8,
        DType.Bool => SafetensorsType.BOOL,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };
}

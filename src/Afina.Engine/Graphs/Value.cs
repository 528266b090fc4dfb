using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Graphs;

/// <summary>Where the bytes of a value lie.</summary>
public enum Residence : byte
{
    /// <summary>In the planned arena: lives from its first writer to its last reader.</summary>
    Arena,

    /// <summary>In a buffer that is bound before the program runs and persists between runs: inputs, parameters, caches.</summary>
    Bound,

    /// <summary>A frozen weight.</summary>
    Frozen,
}

/// <summary>A matrix [rows, columns] that operations read and write: its type, shape and residence, never its bytes.</summary>
public sealed class Value
{
    /// <summary>A value in the arena or a bound buffer.</summary>
    public Value(string name, DType type, Dimension rows, int columns, Residence residence = Residence.Arena)
    {
        Name = name;
        Type = type;
        Rows = rows;
        Columns = columns;
        Residence = residence;
        GradientType = type;
    }

    /// <summary>A frozen weight [outputs, inputs].</summary>
    public Value(Weight weight)
        : this(weight.Name, DType.F32, weight.Rows, weight.Columns, Residence.Frozen) => Weight = weight;

    /// <summary>What a person calls it.</summary>
    public string Name { get; }

    /// <summary>The type of one element; F32 for a frozen weight, whatever its <see cref="BlockFormat"/>.</summary>
    public DType Type { get; }

    /// <summary>The leading dimension.</summary>
    public Dimension Rows { get; }

    /// <summary>Elements of one row.</summary>
    public int Columns { get; }

    /// <summary>Where it lives.</summary>
    public Residence Residence { get; }

    /// <summary>The bytes of a frozen weight.</summary>
    public Weight? Weight { get; }

    /// <summary>The type that its gradient is kept in: fp32 for the residual stream, otherwise the value's own.</summary>
    public DType GradientType { get; init; }

    /// <summary>The trained parameter that this is, if it is one.</summary>
    public Parameter? Parameter { get; internal set; }

    /// <summary>Bytes at a capacity.</summary>
    public long Bytes(in Counts capacity) => (long)Rows.Of(capacity) * Columns * Type.Bytes();

    /// <inheritdoc/>
    public override string ToString() => $"{Name} [{Rows}, {Columns}] {(Weight is null ? Type.ToString() : Weight.Format.Name)}";
}

/// <summary>A trained matrix: its value and its gradient, in fp32 (fp64 for checks by finite differences), kept in bound buffers and shared by every program that uses it.</summary>
public sealed class Parameter
{
    /// <summary>Names a parameter of [rows, columns].</summary>
    public Parameter(string name, int rows, int columns, DType type = DType.F32)
    {
        Name = name;
        Value = new Value(name, type, rows, columns, Residence.Bound) { Parameter = this };
        Gradient = new Value("d " + name, type, rows, columns, Residence.Bound);
    }

    /// <summary>The key under which it is stored.</summary>
    public string Name { get; }

    /// <summary>The value.</summary>
    public Value Value { get; }

    /// <summary>The gradient: micro-steps add to it, the update clears it.</summary>
    public Value Gradient { get; }

    /// <summary>Elements.</summary>
    public long Count => (long)Value.Rows.Size * Value.Columns;
}

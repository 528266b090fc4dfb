using Afina.Text.Templates.Syntax;

namespace Afina.Text.Templates.Execution;

/// <summary>The slots of one running function (the template, a macro, a caller, a turn of a recursive loop) and of the one around it.</summary>
internal sealed class Activation
{
    /// <summary>What a slot holds while its name has no value.</summary>
    public static readonly object Missing = new();

    private readonly object?[] _slots;
    private readonly Activation? _parent;

    public Activation(int size, Activation? parent)
    {
        _slots = new object?[size];
        Array.Fill(_slots, Missing);
        _parent = parent;
    }

    public object? this[Slot slot]
    {
        get => At(slot.Depth)._slots[slot.Index];
        set => At(slot.Depth)._slots[slot.Index] = value;
    }

    public object? this[int index]
    {
        get => _slots[index];
        set => _slots[index] = value;
    }

    private Activation At(int depth)
    {
        var activation = this;
        for (; depth > 0; depth--)
            activation = activation._parent!;
        return activation;
    }
}

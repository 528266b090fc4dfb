using Afina.Engine.Graphs;
using Afina.Engine.Tensors;
using Afina.Models;

namespace Afina.Training;

/// <summary>The values of an adapter at its lowest held-out loss so far, in memory that is there from the start, so that it can be planned.</summary>
internal sealed class BestValues(Adapter adapter)
{
    private readonly NativeBuffer _values = new(Bytes(adapter));
    private bool _kept;

    /// <summary>Whose values they are.</summary>
    public Adapter Adapter => adapter;

    /// <summary>The memory that the values of an adapter take.</summary>
    public static long Bytes(Adapter adapter) => adapter.TrainableCount * sizeof(float);

    /// <summary>Keeps the values that the adapter has now.</summary>
    public void Keep() => Keep(parameter => adapter.Values(parameter));

    /// <summary>Keeps other values of the adapter's parameters.</summary>
    public void Keep(Func<Parameter, ReadOnlySpan<float>> values)
    {
        var rest = All;
        foreach (var parameter in adapter.Parameters)
        {
            values(parameter).CopyTo(rest);
            rest = rest[(int)parameter.Count..];
        }

        _kept = true;
    }

    /// <summary>Gives the adapter the values that were kept.</summary>
    /// <returns>Whether there were any.</returns>
    public bool Restore()
    {
        var rest = All;
        foreach (var parameter in _kept ? adapter.Parameters : [])
        {
            rest[..(int)parameter.Count].CopyTo(adapter.Values(parameter));
            rest = rest[(int)parameter.Count..];
        }

        return _kept;
    }

    private Span<float> All => _values.Span<float>((int)adapter.TrainableCount);
}

using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Sgd"/>.</summary>
internal static class SgdReference
{
    public static void Step(Sgd operation, NodeCells cells)
    {
        var rate = ParameterUpdateReference.Rate(cells);
        ParameterUpdateReference.Step(operation, cells, (value, g, states) =>
        {
            g += operation.WeightDecay * value;
            if (states.Length > 0)
                g = states[0] = operation.Momentum * states[0] + g;
            return value - rate * g;
        });
    }
}

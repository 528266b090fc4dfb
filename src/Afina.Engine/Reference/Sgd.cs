using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Sgd"/>.</summary>
internal static class SgdReference
{
    public static void Step(Sgd operation, NodeCells cells, in Counts counts)
    {
        var share = counts.Step == 0 ? 1 : 1 - operation.Dampening;
        var rate = ParameterUpdateReference.Rate(cells);
        ParameterUpdateReference.Step(operation, cells, (value, g, states) =>
        {
            g += operation.WeightDecay * value;
            if (states.Length == 0)
                return value - rate * g;
            states[0] = operation.Momentum * states[0] + share * g;
            return value - rate * (operation.IsNesterov ? g + operation.Momentum * states[0] : states[0]);
        });
    }
}

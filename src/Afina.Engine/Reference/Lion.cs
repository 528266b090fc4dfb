using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="Lion"/>.</summary>
internal static class LionReference
{
    public static void Step(Lion operation, NodeCells cells)
    {
        var rate = ParameterUpdateReference.Rate(cells);
        ParameterUpdateReference.Step(operation, cells, (value, g, states) =>
        {
            var direction = Math.Sign(states[0] * operation.Beta1 + (1 - operation.Beta1) * g);
            states[0] = states[0] * operation.Beta2 + (1 - operation.Beta2) * g;
            return value * (1 - rate * operation.WeightDecay) - rate * direction;
        });
    }
}

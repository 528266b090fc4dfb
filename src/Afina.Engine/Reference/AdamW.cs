using Afina.Engine.Graphs;
using Afina.Engine.Ops;

namespace Afina.Engine.Reference;

/// <summary>Oracle of <see cref="AdamW"/>.</summary>
internal static class AdamWReference
{
    public static void Step(AdamW operation, NodeCells cells, in Counts counts)
    {
        var rate = ParameterUpdateReference.Rate(cells);
        var correction1 = 1 - Math.Pow(operation.Beta1, counts.Step + 1);
        var correction2 = 1 - Math.Pow(operation.Beta2, counts.Step + 1);
        ParameterUpdateReference.Step(operation, cells, (value, g, states) =>
        {
            if (!operation.IsDecoupled)
                g += operation.WeightDecay * value;
            var m = states[0] * operation.Beta1 + (1 - operation.Beta1) * g;
            var v = states[1] * operation.Beta2 + (1 - operation.Beta2) * g * g;
            (states[0], states[1]) = (m, v);
            return value * (operation.IsDecoupled ? 1 - rate * operation.WeightDecay : 1) - rate / correction1 * m / (Math.Sqrt(v) / Math.Sqrt(correction2) + operation.Epsilon);
        });
    }
}

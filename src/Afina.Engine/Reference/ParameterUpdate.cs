using Afina.Engine.Ops;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Reference;

/// <summary>Oracle of the frame of every <see cref="ParameterUpdate"/>: clipping, states, clearing.</summary>
internal static class ParameterUpdateReference
{
    /// <summary>Moves one element: its value, its clipped gradient and its states, which it changes.</summary>
    public delegate double Rule(double value, double gradient, Span<double> states);

    public static double Rate(NodeCells cells) => cells.Inputs[2][0, 0];

    public static void Step(ParameterUpdate operation, NodeCells cells, Rule rule)
    {
        var norm = cells.Inputs[1][0, 0];
        if (!double.IsFinite(norm))
            return;
        var factor = operation.Clip > 0 ? Math.Min(1, operation.Clip / (norm + 1e-6)) : 1;
        var (value, gradient, columns) = (cells.Outputs[0], cells.Inputs[0], cells.OutputColumns);
        var states = operation.States.Select((_, state) => Read(operation, cells, state)).ToArray();
        var numbers = new double[states.Length];
        for (var n = 0; n < operation.Parameter.Count; n++)
        {
            var (i, j) = (n / columns, n % columns);
            for (var s = 0; s < states.Length; s++)
                numbers[s] = states[s][n];
            value[i, j] = rule(value[i, j], gradient[i, j] * factor, numbers);
            gradient[i, j] = 0;
            for (var s = 0; s < states.Length; s++)
                states[s][n] = numbers[s];
        }

        for (var s = 0; s < states.Length; s++)
            Write(operation, cells, s, states[s]);
    }

    private static double[] Read(ParameterUpdate operation, NodeCells cells, int state)
    {
        var (numbers, magnitudes, columns) = (cells.Inputs[3 + 2 * state], cells.Inputs[4 + 2 * state], cells.OutputColumns);
        var read = new double[operation.Parameter.Count];
        for (var n = 0; n < read.Length; n++)
        {
            read[n] = numbers[n / columns, n % columns];
            if (magnitudes.Exists)
                read[n] = Map(operation, state).Values[(int)read[n]] * magnitudes[n / ParameterUpdate.StateBlock, 0];
        }

        return read;
    }

    private static void Write(ParameterUpdate operation, NodeCells cells, int state, double[] written)
    {
        var (numbers, magnitudes, columns) = (cells.Inputs[3 + 2 * state], cells.Inputs[4 + 2 * state], cells.OutputColumns);
        for (var block = 0; magnitudes.Exists && block < ParameterUpdate.Blocks(written.Length); block++)
        {
            var part = written.AsSpan(block * ParameterUpdate.StateBlock);
            part = part[..Math.Min(ParameterUpdate.StateBlock, part.Length)];
            var largest = 0.0;
            foreach (var number in part)
                largest = Math.Max(largest, Math.Abs(number));
            magnitudes[block, 0] = largest;
            foreach (ref var number in part)
                number = Map(operation, state).Nearest(largest > 0 ? (float)(number / largest) : 0);
        }

        for (var n = 0; n < written.Length; n++)
            numbers[n / columns, n % columns] = written[n];
    }

    private static DynamicMap Map(ParameterUpdate operation, int state) => operation.States[state].IsSigned ? DynamicMap.Signed : DynamicMap.Unsigned;
}

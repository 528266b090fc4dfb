using Afina.Engine.Graphs;
using Afina.Engine.Tensors;

namespace Afina.Engine.Ops;

/// <summary>What an optimizer keeps of a parameter between steps: one number per element.</summary>
/// <param name="Name">Its name, as torch has it.</param>
/// <param name="IsSigned">Whether it can be negative: which of the dynamic maps its bytes are codes of, where it is kept in bytes.</param>
public readonly record struct UpdateState(string Name, bool IsSigned);

/// <summary>One step of an optimizer whose rule looks at one element at a time, in place; the gradient is clipped first and cleared after.</summary>
/// <remarks>
/// gradient, norm [1, 1], rate [1, 1], then for each of <see cref="States"/> its numbers like the parameter and either nothing or the largest
/// magnitude of each block [blocks, 1] → parameter, gradient, states, magnitudes (all in place).
/// g ← g · min(1, clip / (norm + 1e-6)), then the rule. A norm that is not finite leaves everything as it is.
/// States with magnitudes are bytes, as bitsandbytes' block-wise optimizers keep them (Dettmers et al. 2022): state = map[code] · magnitude
/// of the element's block of <see cref="StateBlock"/>; the rule sees the state before it is rounded to the nearest code again.
/// </remarks>
/// <param name="Parameter">What is moved.</param>
/// <param name="Clip">The largest norm of all gradients together; 0: no clipping.</param>
public abstract record ParameterUpdate(Parameter Parameter, double Clip) : Operation
{
    /// <summary>Elements of a state in bytes that share a magnitude; the last block may be shorter.</summary>
    public const int StateBlock = 256;

    /// <summary>What it keeps, in the order of its inputs.</summary>
    public abstract IReadOnlyList<UpdateState> States { get; }

    /// <summary>Whether a node keeps its states in bytes.</summary>
    internal static bool IsPacked(Node node) => node.Inputs.Length > 3 && node.Inputs[3]!.Type == DType.U8;

    /// <inheritdoc/>
    public override Value[] Infer(string scope, Value?[] inputs)
    {
        Require(inputs.Length == 3 + 2 * States.Count && inputs[0] is { } gradient && IsLike(gradient) && gradient.Type == Parameter.Value.Type
            && inputs[1] is { Columns: 1 } && inputs[2] is { Columns: 1 }, scope, inputs);
        List<Value> states = [], magnitudes = [];
        for (var i = 3; i < inputs.Length; i += 2)
        {
            Require(inputs[i] is { } state && IsLike(state) && state.Type == inputs[3]!.Type && (state.Type, inputs[i + 1]) switch
            {
                (DType.U8, { Type: DType.F32, Columns: 1 } largest) => largest.Rows.Size == Blocks(Parameter.Count),
                var (type, none) => type == Parameter.Value.Type && none is null,
            }, scope, inputs);
            states.Add(inputs[i]!);
            if (inputs[i + 1] is { } blocks)
                magnitudes.Add(blocks);
        }

        return [Parameter.Value, inputs[0]!, .. states, .. magnitudes];
    }

    /// <summary>Blocks of a state in bytes.</summary>
    public static int Blocks(long elements) => (int)((elements + StateBlock - 1) / StateBlock);

    private bool IsLike(Value value) => value.Rows == Parameter.Value.Rows && value.Columns == Parameter.Value.Columns;
}

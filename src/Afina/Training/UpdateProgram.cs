using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;

namespace Afina.Training;

/// <summary>The program that moves parameters along their gradients, with the buffers of the optimizer's state.</summary>
internal sealed class UpdateProgram
{
    /// <summary>Parameters of fewer elements keep their state in fp32 with the optimizers in 8 bits, as bitsandbytes has it.</summary>
    private const int FewestInBytes = 4096;

    private readonly List<(string Name, Value Value)> _states = [];

    /// <summary>Builds the program; its buffers are allocated in <paramref name="buffers"/>.</summary>
    public UpdateProgram(IReadOnlyList<Parameter> parameters, OptimizerOptions options, Bindings buffers)
    {
        Norm = Graph.Add(new GradientNorm(), "update", [.. parameters.Select(parameter => parameter.Gradient)])[0];
        buffers.Allocate(Norm);
        buffers.Allocate(Rate);
        foreach (var parameter in parameters)
        {
            var operation = Operation(parameter, options);
            var inBytes = IsInBytes(parameter, options);
            var inputs = new List<Value?> { parameter.Gradient, Norm, Rate };
            foreach (var state in operation.States)
            {
                inputs.Add(State($"{state.Name}.{parameter.Name}", inBytes ? DType.U8 : DType.F32, parameter.Value.Rows.Size, parameter.Value.Columns));
                inputs.Add(inBytes ? State($"{state.Name}.absmax.{parameter.Name}", DType.F32, ParameterUpdate.Blocks(parameter.Count), 1) : null);
            }

            Graph.Add(operation, parameter.Name, [.. inputs]);
        }

        Value State(string name, DType type, int rows, int columns)
        {
            var value = new Value(name, type, rows, columns, Residence.Bound);
            buffers.Allocate(value);
            _states.Add((name, value));
            return value;
        }
    }

    /// <summary>The program.</summary>
    public Graph Graph { get; } = new();

    /// <summary>The norm of all gradients together, before clipping [1, 1].</summary>
    public Value Norm { get; }

    /// <summary>The learning rate of the step [1, 1].</summary>
    public Value Rate { get; } = new("learning rate", DType.F32, 1, 1, Residence.Bound);

    /// <summary>What the optimizer keeps, by the names under which a checkpoint stores it.</summary>
    public IReadOnlyList<(string Name, Value Value)> States => _states;

    /// <summary>Bytes of the states of parameters.</summary>
    public static long StateBytes(IEnumerable<Parameter> parameters, OptimizerOptions options) => parameters.Sum(parameter => Operation(parameter, options).States.Count
        * (IsInBytes(parameter, options) ? parameter.Count + sizeof(float) * ParameterUpdate.Blocks(parameter.Count) : sizeof(float) * parameter.Count));

    private static bool IsInBytes(Parameter parameter, OptimizerOptions options) => options.Name.EndsWith("_8bit", StringComparison.Ordinal) && parameter.Count >= FewestInBytes;

    private static ParameterUpdate Operation(Parameter parameter, OptimizerOptions options)
    {
        var decay = options.WeightDecayOf?.Invoke(parameter.Name) ?? options.WeightDecay;
        return options.Name switch
        {
            "adamw_torch" or "adamw_bnb_8bit" => new AdamW(parameter, options.Beta1, options.Beta2, options.Epsilon, decay, options.MaxGradNorm),
            "sgd" => new Sgd(parameter, options.Momentum, decay, options.MaxGradNorm),
            var other => throw new NotSupportedException($"optimizer {other} is not there"),
        };
    }
}

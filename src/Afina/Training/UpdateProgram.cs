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
            var operation = Make(parameter, options);
            var inputs = new List<Value?> { parameter.Gradient, Norm, Rate };
            foreach (var (name, type, rows, columns) in StatesOf(operation, parameter, options))
            {
                if (name is null)
                {
                    inputs.Add(null);
                    continue;
                }

                var state = new Value(name, type, rows, columns, Residence.Bound);
                buffers.Allocate(state);
                _states.Add((name, state));
                inputs.Add(state);
            }

            Graph.Add(operation, parameter.Name, [.. inputs]);
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
    public static long StateBytes(IEnumerable<Parameter> parameters, OptimizerOptions options) => parameters.Sum(parameter =>
        StatesOf(Make(parameter, options), parameter, options).Sum(state => (long)state.Rows * state.Columns * state.Type.Bytes()));

    // In the order of the operation's inputs; without a name where an input is absent.
    private static IEnumerable<(string? Name, DType Type, int Rows, int Columns)> StatesOf(Operation operation, Parameter parameter, OptimizerOptions options)
    {
        if (operation is Adafactor adafactor)
            return adafactor.States.Select(state => ((string?)$"{state.Name}.{parameter.Name}", DType.F32, state.Rows, state.Columns));
        var inBytes = options.Name.EndsWith("_8bit", StringComparison.Ordinal) && parameter.Count >= FewestInBytes;
        var blocks = ParameterUpdate.Blocks(parameter.Count);
        return ((ParameterUpdate)operation).States.SelectMany(state => new[]
        {
            ((string?)$"{state.Name}.{parameter.Name}", inBytes ? DType.U8 : DType.F32, parameter.Value.Rows.Size, parameter.Value.Columns),
            inBytes ? ($"{state.Name}.absmax.{parameter.Name}", DType.F32, blocks, 1) : (null, DType.F32, 0, 0),
        });
    }

    private static Operation Make(Parameter parameter, OptimizerOptions options)
    {
        var decay = options.WeightDecayOf?.Invoke(parameter.Name) ?? options.WeightDecay;
        return options.Name switch
        {
            "adamw_torch" or "adamw_bnb_8bit" => new AdamW(parameter, options.Beta1, options.Beta2, options.Epsilon, decay, options.MaxGradNorm) { IsDecoupled = options.DecoupledDecay },
            "lion_32bit" or "lion_8bit" => new Lion(parameter, options.Beta1, options.Beta2, decay, options.MaxGradNorm),
            "adafactor" => new Adafactor(parameter, decay, options.MaxGradNorm)
            {
                DecayRate = options.DecayRate,
                Threshold = options.ClipThreshold,
                ScaleParameter = options.ScaleParameter,
                RelativeStep = options.RelativeStep,
                WarmupInit = options.WarmupInit,
            },
            "sgd" => new Sgd(parameter, options.Momentum, decay, options.MaxGradNorm) { Dampening = options.Dampening, IsNesterov = options.Nesterov },
            var other => throw new NotSupportedException($"optimizer {other} is not there"),
        };
    }
}

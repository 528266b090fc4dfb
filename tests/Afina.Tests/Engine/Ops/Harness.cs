using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Reference;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Tests.Engine.Ops;

/// <summary>A small graph whose inputs hold deterministic random numbers, run on any backend with any number of threads.</summary>
/// <remarks>Inputs that need gradients are parameters, or activations that are copies of one, so that their gradients are assigned, or, with
/// <paramref name="adds"/>, added to what another reader has left there. Parameters' gradients start from random numbers too.</remarks>
internal sealed unsafe class Harness(Counts counts, DType type = DType.F64, bool adds = false, int seed = 1) : IDisposable
{
    private readonly Random _random = new(seed);
    private readonly Bindings _bindings = new();
    private readonly List<(Value Value, NativeBuffer Buffer)> _bound = [];
    private readonly List<NativeBuffer> _frozen = [];

    public Graph Graph { get; private set; } = new();

    public Counts Counts { get; } = counts;

    /// <summary>Above the counts, so that a kernel that mistakes one for the other is found.</summary>
    public Counts Capacity { get; } = counts with
    {
        Rows = counts.Rows + 3,
        LabelledRows = counts.LabelledRows + 2,
        Targets = counts.Targets + 1,
        Segments = counts.Segments + 2,
        CachedRows = counts.CachedRows + 1,
    };

    /// <summary>The type of the activations.</summary>
    public DType Type { get; } = type;

    public DType ParameterType => Type == DType.F64 ? DType.F64 : DType.F32;

    public List<Parameter> Parameters { get; } = [];

    public List<(Value Output, Value Gradient)> Seeds { get; } = [];

    /// <summary>Goes on with a rewritten graph.</summary>
    public void Use(Graph graph) => Graph = graph;

    /// <summary>A parameter of uniform numbers in (−scale, scale).</summary>
    public Value Parameter(string name, int rows, int columns, double scale = 1)
    {
        var parameter = new Parameter(name, rows, columns, ParameterType);
        Parameters.Add(parameter);
        Bind(parameter.Gradient, 1);
        return Bind(parameter.Value, scale);
    }

    /// <summary>An activation with a parameter behind it.</summary>
    public Value Activation(string name, Dimension rows, int columns, DType? gradientType = null, double scale = 1)
    {
        var parameter = Parameter("p." + name, rows.Of(Counts), columns, scale);
        var value = new Value(name, Type, rows, columns) { GradientType = gradientType ?? Type };
        Graph.Add(new Node(new Sum(Type), name, -1, [parameter], [value], [false]));
        if (adds)
            Seed(value);
        return value;
    }

    /// <summary>A bound input without a gradient.</summary>
    public Value Input(string name, Dimension rows, int columns, DType? type = null, double scale = 1) =>
        Bind(new Value(name, type ?? Type, rows, columns, Residence.Bound), scale);

    /// <summary>A bound input of given numbers, row by row.</summary>
    public Value Input(string name, Dimension rows, int columns, DType type, ReadOnlySpan<double> values)
    {
        var value = Input(name, rows, columns, type);
        Write(value, values);
        return value;
    }

    /// <summary>Bound integers.</summary>
    public Value Ints(string name, Dimension rows, int columns, params IEnumerable<int> values) =>
        Input(name, rows, columns, DType.I32, [.. values.Select(value => (double)value)]);

    /// <summary>Binds a value that an operation made.</summary>
    public void Allocate(Value value) => Bind(value, 1);

    /// <summary>A frozen weight of random numbers, stored in a format.</summary>
    public Value Frozen(string name, int rows, int columns, BlockFormat? format = null)
    {
        var numbers = new float[rows * columns];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = 2 * _random.NextSingle() - 1;
        if (format is FourBitFormat fourBit)
            return new Value(FourBitQuantizer.Quantize(Stored(name, rows, columns, BlockFormats.F32, numbers), fourBit));
        return new Value(Stored(name, rows, columns, format ?? BlockFormats.F32, numbers));
    }

    /// <summary>A frozen weight of given numbers.</summary>
    public Value Frozen(string name, int rows, int columns, params ReadOnlySpan<float> numbers) => new(Stored(name, rows, columns, BlockFormats.F32, numbers));

    /// <summary>Adds an operation; everything that it writes can be read.</summary>
    public Value[] Add(Operation operation, params Value?[] inputs)
    {
        var outputs = Graph.Add(operation, operation.Name, inputs);
        Graph.Results.UnionWith(outputs.Where(output => output.Residence == Residence.Arena));
        return outputs;
    }

    /// <summary>Gives an output a random gradient.</summary>
    public Value Seed(Value output)
    {
        var gradient = Input("seed of " + output.Name, output.Rows, output.Columns, output.GradientType);
        Seeds.Add((output, gradient));
        Graph.Results.Add(output);
        return gradient;
    }

    /// <summary>Seeds outputs and appends the backward.</summary>
    public Harness Backward(params Value[] outputs)
    {
        foreach (var output in outputs)
            Seed(output);
        Gradients.Append(Graph, Seeds);
        return this;
    }

    /// <summary>The bound input of that name.</summary>
    public Value Named(string name) => _bound.First(bound => bound.Value.Name == name).Value;

    public double[] Read(Value value) => Elements(value, _bindings[value].Pointer);

    public void Write(Value value, ReadOnlySpan<double> values)
    {
        var cells = new Cells(value, _bindings[value].Pointer, false);
        for (var i = 0; i < values.Length; i++)
            cells[i / value.Columns, i % value.Columns] = values[i];
    }

    public HarnessRun Prepare(Backend backend, int threads = 1) => new(this, backend, threads);

    /// <summary>Runs once on the oracle.</summary>
    public Outputs Run()
    {
        using var run = Prepare(new ReferenceBackend());
        return run.Run();
    }

    public void Dispose()
    {
        foreach (var (_, buffer) in _bound)
            buffer.Dispose();
        foreach (var buffer in _frozen)
            buffer.Dispose();
    }

    internal Bindings Bindings => _bindings;

    internal IReadOnlyList<(Value Value, NativeBuffer Buffer)> Bound => _bound;

    internal double[] Elements(Value value, byte* data)
    {
        var cells = new Cells(value, data, false);
        var elements = new double[value.Rows.Of(Counts) * value.Columns];
        for (var i = 0; i < elements.Length; i++)
            elements[i] = cells[i / value.Columns, i % value.Columns];
        return elements;
    }

    private Weight Stored(string name, int rows, int columns, BlockFormat format, ReadOnlySpan<float> numbers)
    {
        var bytes = format.BytesFor(numbers.Length);
        var buffer = new NativeBuffer(bytes);
        _frozen.Add(buffer);
        format.Encode(numbers, buffer.Span<byte>((int)bytes));
        return new Weight(name, format, rows, columns, buffer.Pointer, bytes, buffer);
    }

    private Value Bind(Value value, double scale)
    {
        var buffer = _bindings.Allocate(value, Capacity);
        _bound.Add((value, buffer));
        var elements = new double[value.Rows.Of(Counts) * value.Columns];
        for (var i = 0; i < elements.Length; i++)
            elements[i] = scale * (2 * _random.NextDouble() - 1);
        Write(value, elements);
        return value;
    }
}

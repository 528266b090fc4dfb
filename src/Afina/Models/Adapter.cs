using Afina.Engine.Execution;
using Afina.Engine.Graphs;

namespace Afina.Models;

/// <summary>The low-rank term of one linear layer: y += scale · B A x.</summary>
/// <param name="A">[rank, inputs].</param>
/// <param name="B">[outputs, rank].</param>
/// <param name="Scale">alpha / rank, or alpha / √rank with rank-stabilized LoRA.</param>
public sealed record LowRankTerm(Parameter A, Parameter B, float Scale)
{
    /// <summary>The rank.</summary>
    public int Rank => A.Value.Rows.Size;
}

/// <summary>What is trained on top of a frozen model: low-rank terms and biases, by the path of the module.</summary>
public sealed class Adapter
{
    private readonly Dictionary<string, LowRankTerm> _terms = [];
    private readonly Dictionary<string, Parameter> _biases = [];

    /// <summary>Probability with which an element of a low-rank term's input is dropped in training.</summary>
    public float Dropout { get; set; }

    /// <summary>The low-rank terms by module.</summary>
    public IReadOnlyDictionary<string, LowRankTerm> Terms => _terms;

    /// <summary>The trained biases by module.</summary>
    public IReadOnlyDictionary<string, Parameter> Biases => _biases;

    /// <summary>Every trained parameter, in the order in which they were added.</summary>
    public List<Parameter> Parameters { get; } = [];

    /// <summary>The parameters' values and, once they are allocated, gradients.</summary>
    public Bindings Buffers { get; } = new();

    /// <summary>Elements that are trained.</summary>
    public long TrainableCount => Parameters.Sum(parameter => parameter.Count);

    /// <summary>Adds a low-rank term whose values are zero.</summary>
    public LowRankTerm Add(string module, int outputs, int inputs, int rank, float scale, string keyOfA, string keyOfB)
    {
        var term = new LowRankTerm(New(keyOfA, rank, inputs), New(keyOfB, outputs, rank), scale);
        _terms.Add(module, term);
        return term;
    }

    /// <summary>Adds a trained bias whose values are zero.</summary>
    public Parameter AddBias(string module, int outputs, string key)
    {
        var bias = New(key, 1, outputs);
        _biases.Add(module, bias);
        return bias;
    }

    /// <summary>An adapter with the same values that nothing trains.</summary>
    public Adapter Copy()
    {
        var copy = new Adapter();
        foreach (var (module, term) in _terms)
            copy.Add(module, term.B.Value.Rows.Size, term.A.Value.Columns, term.Rank, term.Scale, term.A.Name, term.B.Name);
        foreach (var (module, bias) in _biases)
            copy.AddBias(module, bias.Value.Columns, bias.Name);
        var made = copy.Parameters.ToDictionary(parameter => parameter.Name, StringComparer.Ordinal);
        foreach (var parameter in Parameters)
            Values(parameter).CopyTo(copy.Values(made[parameter.Name]));
        return copy;
    }

    /// <summary>The values of a parameter.</summary>
    public Span<float> Values(Parameter parameter) => Buffers[parameter.Value].Span<float>((int)parameter.Count);

    /// <summary>The gradient of a parameter.</summary>
    public Span<float> Gradients(Parameter parameter) => Buffers[parameter.Gradient].Span<float>((int)parameter.Count);

    /// <summary>Makes room for the gradients.</summary>
    public void AllocateGradients()
    {
        foreach (var parameter in Parameters)
            Buffers.Allocate(parameter.Gradient);
    }

    private Parameter New(string key, int rows, int columns)
    {
        var parameter = new Parameter(key, rows, columns);
        Parameters.Add(parameter);
        Buffers.Allocate(parameter.Value);
        return parameter;
    }
}

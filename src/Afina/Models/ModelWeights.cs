using Afina.Engine.Tensors.Blocks;

namespace Afina.Models;

/// <summary>The weights of a model under the names that Hugging Face gives them.</summary>
public sealed class ModelWeights(string source, IReadOnlyDictionary<string, Weight> weights)
{
    /// <summary>The file or folder that they come from, for messages.</summary>
    public string Source { get; } = source;

    /// <summary>All weights by name.</summary>
    public IReadOnlyDictionary<string, Weight> All { get; } = weights;

    /// <summary>A weight of a known shape; a vector is one row.</summary>
    /// <exception cref="InvalidDataException">It is missing or has another shape.</exception>
    public Weight Get(string name, int rows, int columns)
    {
        if (!All.TryGetValue(name, out var weight))
            throw new InvalidDataException($"{Source}: there is no tensor '{name}'; the configuration asks for it");
        if (weight.Rows != rows || weight.Columns != columns)
            throw new InvalidDataException($"{Source}: tensor '{name}' is [{weight.Rows}, {weight.Columns}], but the configuration asks for [{rows}, {columns}]");
        return weight;
    }
}

namespace Afina.Models;

/// <summary>A linear layer of a model: what adapters attach to.</summary>
/// <param name="Name">The path, as in Hugging Face: <c>model.layers.0.self_attn.q_proj</c>.</param>
/// <param name="Outputs">Rows of its weight.</param>
/// <param name="Inputs">Columns of its weight.</param>
/// <param name="Bias">Whether it has a bias.</param>
public sealed record LinearModule(string Name, int Outputs, int Inputs, bool Bias);

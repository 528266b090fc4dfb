namespace Afina.Adapters.Targeting;

/// <summary>What a module of a model is, as far as adapters care.</summary>
internal enum ModuleKind
{
    Linear,
    Embedding,
    Norm,
}

/// <summary>A module that holds weights, by its path in the Hugging Face model (<c>model.layers.0.self_attn.q_proj</c>).</summary>
/// <param name="Path">Its path.</param>
/// <param name="Kind">What it is.</param>
/// <param name="IsHead">It is the output head, which <c>all-linear</c> leaves out.</param>
internal sealed record ModelModule(string Path, ModuleKind Kind, bool IsHead = false);

/// <summary>A module that an adapter changes by a low-rank term.</summary>
/// <param name="Module">The module.</param>
/// <param name="Rank">Its rank.</param>
/// <param name="Alpha">Its alpha.</param>
/// <param name="Scaling">What the product of the factors is multiplied with.</param>
internal sealed record AdaptedModule(ModelModule Module, int Rank, double Alpha, double Scaling);

using Afina.Adapters;
using Afina.Engine.Tensors;
using Afina.Models;
using Afina.Text.Tokenizers;

namespace Afina.Runs;

/// <summary>A model that a verb works on, in a user's words.</summary>
public sealed record ModelRequest
{
    /// <summary>The base model's folder or file; null: the one that the adapter names, or the one that comes with Afina.</summary>
    public string? Base { get; init; }

    /// <summary>An adapter's folder, or null.</summary>
    public string? Adapter { get; init; }

    /// <summary><c>fp32</c>, <c>bf16</c> or <c>fp16</c>; null: as suits.</summary>
    public string? Type { get; init; }

    /// <summary>Threads; null: one per processor.</summary>
    public int? Threads { get; init; }

    /// <summary>The type by its name.</summary>
    internal DType? DType => Type?.ToLowerInvariant() switch
    {
        null => null,
        "fp32" or "float32" => Engine.Tensors.DType.F32,
        "bf16" or "bfloat16" => Engine.Tensors.DType.BF16,
        "fp16" or "float16" => Engine.Tensors.DType.F16,
        var other => throw new FormatException($"dtype must be fp32, bf16 or fp16, not '{other}'"),
    };

    /// <summary>Opens the model, and the adapter on it.</summary>
    internal OpenedModel Open()
    {
        var model = LanguageModel.Open(AdapterBase.Resolve(Base, Adapter));
        try
        {
            var adapter = Adapter is null ? null : Lora.Load(model.Decoder, Adapter).Adapter;
            return new OpenedModel(model, adapter, AdapterBase.Tokenizer(Adapter));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}

/// <summary>An opened model with its adapter.</summary>
internal sealed record OpenedModel(LanguageModel Model, Adapter? Adapter, Tokenizer? Tokenizer);

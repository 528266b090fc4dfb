using Afina.Adapters;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
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
        if (Adapter is not null && !Directory.Exists(Adapter))
            throw new FileNotFoundException($"no such adapter: {Adapter}{PathHint.Of(Adapter)}");
        var given = Base;
        if (given is null && Adapter is not null && PeftFolder.Load(Adapter).Config.BaseModelNameOrPath is { Length: > 0 } named)
        {
            try
            {
                BaseModels.Resolve(named);
                given = named;
            }
            catch (FileNotFoundException)
            {
                throw new FileNotFoundException($"{Adapter}: the adapter was trained over {named}, which is not here: name the model's folder or file with --base");
            }
        }

        var model = LanguageModel.Open(BaseModels.Resolve(given));
        try
        {
            var adapter = Adapter is null ? null : Lora.Load(model.Decoder, Adapter).Adapter;
            // An adapter brings the tokenizer and the template that it was trained with.
            var tokenizer = Adapter is not null && File.Exists(Path.Combine(Adapter, "tokenizer.json")) ? Tokenizer.Load(Adapter) : null;
            return new OpenedModel(model, adapter, tokenizer);
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

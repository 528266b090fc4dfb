using Afina.Formats;
using Afina.Formats.Gguf;
using Xunit;

namespace Afina.Tests.Formats.Gguf;

public sealed class GgufFileTests
{
    [Fact]
    public void The_embedded_model_opens_and_every_tensor_decodes_to_finite_values()
    {
        using var file = GgufFile.Open(Embedded());
        Assert.Equal("llama", file.Metadata["general.architecture"]);
        Assert.IsType<string[]>(file.Metadata["tokenizer.ggml.tokens"]);
        var embedding = file.Weight("token_embd.weight");
        Assert.Equal((49152, 576), (embedding.Rows, embedding.Columns));
        foreach (var name in file.Tensors.Keys)
            Finite.Require(file.Weight(name), file.File.Name);
        embedding.DropPages();
        Span<float> row = stackalloc float[576];
        embedding.Decode(576, row);
        Assert.Contains(row.ToArray(), value => value != 0);
    }

    internal static string Embedded()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Afina.slnx")))
            folder = folder.Parent!;
        return Path.Combine(folder.FullName, "models", "SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
    }
}

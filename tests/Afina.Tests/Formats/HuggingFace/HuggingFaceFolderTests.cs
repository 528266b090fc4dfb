using System.Text.Json;
using Afina.Engine.Tensors.Blocks;
using Afina.Formats.HuggingFace;
using Afina.Formats.Safetensors;
using Xunit;

namespace Afina.Tests.Formats.HuggingFace;

public sealed class HuggingFaceFolderTests
{
    [Fact]
    public void Quantized_checkpoints_of_transformers_widen_to_the_values_that_bitsandbytes_gives()
    {
        var compared = 0;
        foreach (var folder in Directory.EnumerateDirectories(Shared.Path("conformance/models-quantized")))
        {
            var quantized = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "case.json"))).RootElement.GetProperty("quantized_weights").GetInt32();
            using var model = HuggingFaceFolder.Open(folder);
            using var expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
            Assert.Equal(quantized, model.Weights.Values.Count(weight => weight.Format is FourBitFormat));
            foreach (var key in expected.Tensors.Keys.Where(key => key.StartsWith("dequantized.", StringComparison.Ordinal)))
            {
                var weight = model.Weights[key["dequantized.".Length..]];
                Assert.Equal(expected.Find(key).ShapeText, $"[{weight.Rows}, {weight.Columns}]");
                var values = new float[weight.Count];
                weight.Decode(0, values);
                var truth = expected.Floats(key);
                for (var i = 0; i < values.Length; i++)
                    Assert.Equal(truth[i], values[i], 1e-6f + 1e-6f * MathF.Abs(truth[i]));
                compared++;
            }
        }

        Assert.True(compared >= 2);
    }

    [Fact]
    public void Every_model_of_the_shared_folder_opens_with_all_its_tensors()
    {
        foreach (var folder in Directory.EnumerateDirectories(Shared.Path("conformance/models")))
        {
            if (!File.Exists(Path.Combine(folder, "config.json")))
                continue;
            using var model = HuggingFaceFolder.Open(folder);
            Assert.NotEmpty(model.Config.RequiredString("model_type"));
            Assert.Contains(model.Weights.Values, weight => weight.Rows == model.Config.RequiredInt("vocab_size"));
        }
    }
}

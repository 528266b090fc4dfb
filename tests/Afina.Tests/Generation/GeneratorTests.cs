using Afina.Adapters;
using Afina.Engine.Execution;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Generation;
using Afina.Generation.Sampling;
using Afina.Models;
using Afina.Tests.Engine.Execution;
using Afina.Tests.Models;
using Xunit;

namespace Afina.Tests.Generation;

public sealed class GeneratorTests
{
    [Theory]
    [InlineData(DType.F32, 1)]
    [InlineData(DType.F32, 2)]
    [InlineData(DType.BF16, 1)]
    [InlineData(DType.BF16, 2)]
    public void Nothing_is_allocated_by_the_program_of_a_steady_decode_step(DType type, int threads)
    {
        foreach (var weights in new[] { WeightFormat.AsStored, WeightFormat.Nf4 })
        {
            var model = new WeightConversion(weights, true, 64).Apply(TwoLayerModel.Create(), name => name.Contains("proj", StringComparison.Ordinal));
            var (adapter, _) = Lora.Create(model, new LoraConfig { R = 4, LoraAlpha = 8, TargetModules = ModuleNames.Expression("all-linear") }, 1);
            var backend = new CountingBackend();
            using var team = new Team(threads);
            using var generator = new Generator(model, adapter, new GeneratorOptions(64, 2, type, 16), backend, team);
            var tokens = 0;
            foreach (var token in generator.Generate([[1, 2, 3, 4], [5, 6]], new SamplingOptions { MaxNewTokens = 30 }))
            {
                if (++tokens == 20)
                    backend.Clear();
            }

            Assert.Equal(60, tokens);
            Assert.True(backend.Calls > 10);
            Assert.Empty(backend.Allocated);
        }
    }
}

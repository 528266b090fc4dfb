using Afina.Adapters.Targeting;
using Afina.Formats.Peft;
using Xunit;

namespace Afina.Tests.Adapters.Targeting;

public sealed class AdapterTargetsTests
{
    [Fact]
    public void AllLinearIsEveryLinearLayerButTheHead()
    {
        var targets = Resolve(new LoraConfig { TargetModules = ModuleNames.Expression("All-Linear") });
        Assert.Equal(3 * 4, targets.Adapted.Count);
        Assert.Equal(["q_proj", "v_proj", "o_proj", "up_proj"], targets.Config.TargetModules!.Names!.Select(name => name[(name.LastIndexOf('.') + 1)..]).Distinct());
    }

    [Fact]
    public void TwentyNamesAndMoreAreShortenedToTheirEndings()
    {
        var targets = Resolve(new LoraConfig { TargetModules = ModuleNames.Expression("all-linear") }, Model(layers: 5));
        Assert.Equal(["q_proj", "v_proj", "o_proj", "up_proj"], targets.Config.TargetModules!.Names!);
        Assert.Equal(20, targets.Adapted.Count);
    }

    [Fact]
    public void ShortenedEndingsHitExactlyTheSameModules()
    {
        var all = Model(layers: 12).Select(module => module.Path).ToArray();
        var chosen = all.Where(path => path.EndsWith("_proj", StringComparison.Ordinal) && !path.Contains(".3.", StringComparison.Ordinal)).ToArray();
        var kept = NameCompaction.Shorten(chosen, all);
        Assert.Equal(chosen, all.Where(path => TargetMatcher.EndsWithAny(path, kept)));
    }

    [Fact]
    public void TheUsualTargetsOfTheModelTypeStandForNone() =>
        Assert.Equal(["q_proj", "v_proj"], Resolve(new LoraConfig()).Config.TargetModules!.Names!);

    [Fact]
    public void PatternsGiveModulesTheirOwnRankAndScaling()
    {
        var config = new LoraConfig
        {
            R = 8,
            LoraAlpha = 16,
            TargetModules = ModuleNames.List("q_proj", "v_proj"),
            UseRslora = true,
            RankPattern = [KeyValuePair.Create("v_proj", (PeftNumber)4)],
            AlphaPattern = [KeyValuePair.Create(@"layers\.1\..*", (PeftNumber)10)],
        };
        var adapted = Resolve(config).Adapted.ToDictionary(module => module.Module.Path);
        Assert.Equal((8, 16.0, 16 / Math.Sqrt(8)), Of("model.layers.0.self_attn.q_proj"));
        Assert.Equal((4, 10.0, 10 / Math.Sqrt(4)), Of("model.layers.1.self_attn.v_proj"));

        (int Rank, double Alpha, double Scaling) Of(string path) => (adapted[path].Rank, adapted[path].Alpha, adapted[path].Scaling);
    }

    [Fact]
    public void NothingMatchedNamesTheNearestAndWhatThereIs()
    {
        var error = Assert.Throws<FormatException>(() => Resolve(new LoraConfig { TargetModules = ModuleNames.List("q_porj") }));
        Assert.Equal("target_modules [q_porj] chooses no module of the model (did you mean q_proj?); its modules end in embed_tokens, q_proj, v_proj, o_proj, up_proj, lm_head", error.Message);
    }

    [Fact]
    public void EverythingExcludedIsSaidSo()
    {
        var config = new LoraConfig { TargetModules = ModuleNames.List("q_proj"), ExcludeModules = ModuleNames.List("q_proj") };
        Assert.Contains("take all of them out", Assert.Throws<FormatException>(() => Resolve(config)).Message);
    }

    [Fact]
    public void LayersThatDoNotExistAreSaidSo()
    {
        var config = new LoraConfig { TargetModules = ModuleNames.List("q_proj"), LayersToTransform = [9] };
        Assert.Contains("no module in the layers [9]", Assert.Throws<FormatException>(() => Resolve(config)).Message);
    }

    [Fact]
    public void ANormCannotBeAdapted() =>
        Assert.Contains("a norm", Assert.Throws<FormatException>(() => Resolve(new LoraConfig { TargetModules = ModuleNames.List("norm") })).Message);

    [Fact]
    public void ANewAdaptersNamesMustAllChooseSomething()
    {
        var targets = Resolve(new LoraConfig { TargetModules = ModuleNames.List("q_proj", "vproj") });
        Assert.Equal(["vproj"], targets.Unmatched);
        Assert.Contains("'vproj' (did you mean v_proj?)", Assert.Throws<FormatException>(() => targets.RequireExact(Model(3))).Message);
    }

    [Fact]
    public void PatternsThatDependOnTheirOrderAreRefusedForANewAdapter()
    {
        var config = new LoraConfig
        {
            TargetModules = ModuleNames.List("q_proj"),
            RankPattern = [KeyValuePair.Create("q_proj", (PeftNumber)4), KeyValuePair.Create("layers.0.self_attn.q_proj", (PeftNumber)32)],
        };
        Assert.Contains("the order of keys is lost", Assert.Throws<FormatException>(() => Resolve(config).RequireExact(Model(3))).Message);
        var sorted = config with { RankPattern = [.. config.RankPattern.Reverse()] };
        Resolve(sorted).RequireExact(Model(3));
    }

    [Fact]
    public void AClassifiersHeadIsTrainedWhole()
    {
        ModelModule[] modules = [.. Model(1).Where(module => !module.IsHead), new ModelModule("score", ModuleKind.Linear)];
        var targets = Resolve(new LoraConfig { TaskType = "SEQ_CLS", TargetModules = ModuleNames.Expression("all-linear") }, modules);
        Assert.Equal(["score"], targets.Saved.Select(module => module.Path));
        Assert.DoesNotContain(targets.Adapted, module => module.Module.Path == "score");
        Assert.Empty(targets.Unmatched);
    }

    [Fact]
    public void ModulesToSaveMatchTheEndWithoutADot() =>
        Assert.Equal(["lm_head"], Resolve(new LoraConfig { ModulesToSave = ["head"] }).Saved.Select(module => module.Path));

    private static AdapterTargets Resolve(LoraConfig config, IReadOnlyList<ModelModule>? modules = null) =>
        AdapterTargets.Resolve(config, modules ?? Model(layers: 3), "llama");

    private static ModelModule[] Model(int layers) =>
    [
        new("model.embed_tokens", ModuleKind.Embedding),
        .. Enumerable.Range(0, layers).SelectMany(layer => new ModelModule[]
        {
            new($"model.layers.{layer}.input_layernorm", ModuleKind.Norm),
            new($"model.layers.{layer}.self_attn.q_proj", ModuleKind.Linear),
            new($"model.layers.{layer}.self_attn.v_proj", ModuleKind.Linear),
            new($"model.layers.{layer}.self_attn.o_proj", ModuleKind.Linear),
            new($"model.layers.{layer}.mlp.up_proj", ModuleKind.Linear),
        }),
        new("model.norm", ModuleKind.Norm),
        new("lm_head", ModuleKind.Linear, IsHead: true),
    ];
}

using Afina.Adapters;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Formats.Peft;
using Afina.Models;
using Xunit;

namespace Afina.Tests.Models;

/// <summary>What the backward of a decoder leaves out, where adapters are not everywhere.</summary>
public sealed class SparedGradientsTests
{
    [Fact]
    public void Below_queries_alone_neither_keys_nor_values_nor_the_layer_s_input_get_a_gradient()
    {
        var backward = Backward(".*layers.3.*q_proj");

        Assert.All(backward, node => Assert.True(node.Layer is 3 or -1));
        Assert.Equal(["RmsNormGradient", "LinearGradient", "GatedActivationGradient", "LinearGradient", "RmsNormGradient", "LinearGradient", "AttentionGradient", "Rotary", "LowRankGradient"],
            backward.Select(node => node.Operation.Name).Where(name => name != "Sum"));
        Assert.Equal(["d model.layers.3.self_attn.q_rotary"], Written(backward.Single(node => node.Operation is AttentionGradient)));
    }

    [Fact]
    public void Values_alone_spare_the_gradients_of_queries_and_keys()
    {
        var backward = Backward(".*layers.[23].*v_proj");

        Assert.DoesNotContain(backward, node => node.Layer is 0 or 1);
        Assert.Equal(["d model.layers.2.self_attn.v_proj"], Written(backward.Single(node => node.Operation is AttentionGradient && node.Layer == 2)));
        Assert.Equal(["d model.layers.3.self_attn.q_rotary", "d model.layers.3.self_attn.k_rotary", "d model.layers.3.self_attn.v_proj"],
            Written(backward.Single(node => node.Operation is AttentionGradient && node.Layer == 3)));
        Assert.Equal("LowRankGradient", backward[^1].Operation.Name);
    }

    [Fact]
    public void Below_the_lowest_down_projection_nothing_is_computed()
    {
        var backward = Backward(".*layers.(1|3).*down_proj");

        Assert.Equal(["LowRankGradient"], backward.Where(node => node.Layer == 1).Select(node => node.Operation.Name));
        Assert.DoesNotContain(backward, node => node.Layer == 0);
        Assert.Contains(backward, node => node.Operation is AttentionGradient && node.Layer == 2);
    }

    [Fact]
    public void One_branch_of_the_gate_spares_the_other()
    {
        var backward = Backward(".*layers.2.*up_proj");

        Assert.Equal(["d model.layers.2.mlp.up_proj"], Written(backward.Single(node => node.Operation is GatedActivationGradient && node.Layer == 2)));
        Assert.Equal(["LinearGradient", "GatedActivationGradient", "LowRankGradient"], backward.Where(node => node.Layer == 2).Select(node => node.Operation.Name));
    }

    [Fact]
    public void The_upper_half_leaves_the_lower_half_to_the_forward()
    {
        var backward = Backward(".*layers.[23].*_proj");

        Assert.DoesNotContain(backward, node => node.Layer is 0 or 1);
        Assert.Equal("LowRankGradient", backward[^1].Operation.Name);
        Assert.Single(backward, node => node.Layer == 2 && node.Operation is RmsNormGradient);
    }

    [Fact]
    public void In_the_last_layer_only_keys_and_values_are_computed_for_rows_without_a_target()
    {
        var nodes = Program(".*_proj").Graph.Nodes.Where(node => node.Layer == 3).ToArray();

        var whole = nodes.Where(node => !node.IsBackward && node.Outputs.Any(output => output.Rows == Dimension.Rows));
        Assert.Equal(["model.layers.3.input_layernorm", "model.layers.3.self_attn.k_proj", "model.layers.3.self_attn.v_proj", "model.layers.3.self_attn.u", "model.layers.3.self_attn.k_rotary"],
            whole.SelectMany(node => node.Outputs).Select(output => output.Name));
        Assert.Equal(Dimension.LabelledRows, nodes.Single(node => !node.IsBackward && node.Operation is Rotary && node.Scope.EndsWith("q_rotary", StringComparison.Ordinal)).Outputs[0].Rows);
        Assert.Equal(Dimension.LabelledRows, nodes.Single(node => node.IsBackward && node.Operation is Rotary && node.Scope.EndsWith("q_rotary", StringComparison.Ordinal)).Outputs[0].Rows);
    }

    private static string[] Written(Node node) => [.. node.Outputs.Select(output => output.Name)];

    private static List<Node> Backward(string targets) => [.. Program(targets).Graph.Nodes.Where(node => node.IsBackward)];

    private static DecoderProgram Program(string targets)
    {
        var model = TwoLayerModel.Create(layers: 4);
        var (adapter, _) = Lora.Create(model, new LoraConfig { R = 4, LoraAlpha = 8, TargetModules = ModuleNames.Expression(targets) }, 1);
        var inputs = new DecoderInputs(model.Config, new Counts { Rows = 16, LabelledRows = 8, Targets = 8, Segments = 4 });
        return DecoderProgram.Build(model, adapter, inputs, new DecoderOptions(DecoderUse.Training));
    }
}

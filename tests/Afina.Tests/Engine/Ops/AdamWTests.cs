using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class AdamWTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void The_first_step_moves_against_the_gradient_s_sign_by_the_rate_after_the_decay()
    {
        using var harness = Build(DType.F64, 1, 2, 0, clip: 0, moments: 0);
        harness.Write(harness.Parameters[0].Value, [1, -2]);
        harness.Write(harness.Parameters[0].Gradient, [0.5, -8]);
        var outputs = harness.Run();

        Agreement.AssertClose([1 - 0.1 * 0.01 - 0.1, -2 + 2 * 0.1 * 0.01 + 0.1], outputs[harness.Parameters[0].Value], 1e-7);
        Assert.Equal([0, 0], outputs[harness.Parameters[0].Gradient]);
        Agreement.AssertClose([0.05, -0.8], outputs[Moment(harness, 0)], 1e-9);
        Agreement.AssertClose([0.25 * 0.001, 64 * 0.001], outputs[Moment(harness, 1)], 1e-9);
    }

    [Fact]
    public void Adam_s_decay_is_part_of_the_gradient()
    {
        using var harness = Build(DType.F64, 1, 1, 0, clip: 0, moments: 0, decoupled: false);
        harness.Write(harness.Parameters[0].Value, [10]);
        harness.Write(harness.Parameters[0].Gradient, [-0.05]);
        var outputs = harness.Run();

        Agreement.AssertClose([10 - 0.1], outputs[harness.Parameters[0].Value], 1e-6);
        Agreement.AssertClose([0.1 * (0.1 - 0.05)], outputs[Moment(harness, 0)], 1e-9);
    }

    [Fact]
    public void Moments_are_corrected_by_the_number_of_the_step()
    {
        using var harness = Build(DType.F64, 1, 1, step: 2, clip: 0, moments: 0);
        harness.Write(harness.Parameters[0].Value, [1]);
        harness.Write(harness.Parameters[0].Gradient, [2]);
        harness.Write(Moment(harness, 0), [0.3]);
        harness.Write(Moment(harness, 1), [0.04]);

        var m = (0.9 * 0.3 + 0.1 * 2) / (1 - 0.9 * 0.9 * 0.9);
        var v = (0.999 * 0.04 + 0.001 * 4) / (1 - 0.999 * 0.999 * 0.999);
        Agreement.AssertClose([0.999 - 0.1 * m / (Math.Sqrt(v) + 1e-8)], harness.Run()[harness.Parameters[0].Value], 1e-7);
    }

    [Fact]
    public void Gradients_above_the_norm_are_scaled_down_to_it()
    {
        using var harness = Build(DType.F64, 1, 2, 0, clip: 0.5, moments: 0);
        harness.Write(harness.Parameters[0].Gradient, [3, 4]);

        Agreement.AssertClose([0.1 * 0.5 * 3 / 5, 0.1 * 0.5 * 4 / 5], harness.Run()[Moment(harness, 0)], 1e-5);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_changes_nothing()
    {
        foreach (var backend in Backends.Names)
        {
            using var harness = Build(DType.F32, 2, 3, 0, clip: 1, moments: 0.1);
            harness.Write(harness.Parameters[0].Gradient, [1, 2, double.PositiveInfinity, 3, 4, 5]);
            using var run = harness.Prepare(Backends.Make(backend));
            var outputs = run.Run();

            foreach (var value in new[] { harness.Parameters[0].Value, Moment(harness, 0), Moment(harness, 1) })
                Assert.Equal(harness.Read(value), outputs[value]);
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var (columns, step, clip) in new[] { (1, 0, 0), (33, 7, 0.5), (1000, 1000, 1e6) })
        {
            using var harness = Build(type, rows, columns, step, clip, moments: 0.1, decoupled: columns != 33);
            Agreement.WithReference(backend, harness, 1e-6, 1e-5);
        }
    }

    private static Value Moment(Harness harness, int index) => harness.Named($"moment {index}");

    private static Harness Build(DType type, int rows, int columns, int step, double clip, double moments, bool decoupled = true)
    {
        var harness = new Harness(new Counts { Step = step }, type);
        harness.Parameter("p", rows, columns);
        var parameter = harness.Parameters[0];
        var first = harness.Input("moment 0", rows, columns, harness.ParameterType, moments);
        var second = harness.Input("moment 1", rows, columns, harness.ParameterType, moments);
        harness.Write(second, [.. harness.Read(second).Select(Math.Abs)]);
        var norm = new GradientNorm().Infer("norm", [parameter.Gradient])[0];
        harness.Allocate(norm);
        harness.Graph.Add(new Node(new GradientNorm(), "norm", -1, [parameter.Gradient], [norm], [false]));
        harness.Add(new AdamW(parameter, 0.9, 0.999, 1e-8, 0.01, clip) { IsDecoupled = decoupled }, parameter.Gradient, norm, harness.Input("rate", 1, 1, DType.F32, [0.1]), first, null, second, null);
        return harness;
    }
}

using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Engine.Ops;

/// <summary>States that are kept in bytes, whatever the rule.</summary>
public sealed class ParameterUpdateTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void States_in_bytes_are_widened_by_their_block_s_magnitude_and_rounded_to_the_nearest_code()
    {
        using var harness = Build(DType.F32, 1, 300, codes: 127);
        var parameter = harness.Parameters[0];
        var gradient = new double[300];
        (gradient[0], gradient[1], gradient[299]) = (4, -1, 0.5);
        harness.Write(parameter.Value, new double[300]);
        harness.Write(parameter.Gradient, gradient);
        harness.Write(harness.Named("exp_avg.absmax"), [0, 8]);
        harness.Write(harness.Named("exp_avg_sq"), [.. Enumerable.Repeat(0.0, 299), 255]);
        harness.Write(harness.Named("exp_avg_sq.absmax"), [0, 0.25]);
        var outputs = harness.Run();

        // Block 0 began as zeros; code 127 of block 1 is zero too, code 255 the magnitude itself.
        Agreement.AssertClose([0.4, 0.05], outputs[harness.Named("exp_avg.absmax")]);
        Agreement.AssertClose([0.016, 0.999 * 0.25 + 0.001 * 0.25], outputs[harness.Named("exp_avg_sq.absmax")]);
        var codes = outputs[harness.Named("exp_avg")];
        Assert.Equal((255.0, DynamicMap.Signed.Nearest(-0.25f), 127.0, 255.0), (codes[0], codes[1], codes[2], codes[299]));
        Assert.Equal(DynamicMap.Unsigned.Nearest(1 / 16f), outputs[harness.Named("exp_avg_sq")][1]);

        // The first step moves by the rate against the sign; the last element's second moment is what it was.
        var moved = outputs[parameter.Value];
        Agreement.AssertClose([-0.1, 0.1, 0], moved[..3], 1e-6);
        Agreement.AssertClose([-0.1 / 0.1 * 0.05 / (Math.Sqrt(0.25) / Math.Sqrt(0.001))], moved[299..], 1e-6);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var columns in new[] { 1, 33, 256, 1000 })
        {
            using var harness = Build(type, rows, columns);
            Agreement.WithReference(backend, harness, 1e-6, 1e-5, (value, expected, actual) =>
            {
                if (value.Type != DType.U8)
                    return false;
                // A number between two codes may fall to either in fp32.
                var differ = expected[value].Zip(actual[value]).Where(pair => pair.First != pair.Second).ToArray();
                Assert.All(differ, pair => Assert.Equal(1, Math.Abs(pair.First - pair.Second)));
                Assert.InRange(differ.Length, 0, 0.005 * expected[value].Length);
                return true;
            });
        }
    }

    [Fact]
    public void A_gradient_that_is_not_finite_changes_nothing()
    {
        foreach (var backend in Backends.Names)
        {
            using var harness = Build(DType.F32, 2, 300);
            var parameter = harness.Parameters[0];
            harness.Write(parameter.Gradient, [double.NaN]);
            using var run = harness.Prepare(Backends.Make(backend));
            var outputs = run.Run();

            foreach (var value in new[] { parameter.Value, harness.Named("exp_avg"), harness.Named("exp_avg_sq.absmax") })
                Assert.Equal(harness.Read(value), outputs[value]);
        }
    }

    [Fact]
    public void States_that_do_not_fit_the_parameter_are_refused()
    {
        using var harness = new Harness(default);
        harness.Parameter("p", 2, 300);
        var parameter = harness.Parameters[0];
        var (norm, rate) = (harness.Input("norm", 1, 1), harness.Input("rate", 1, 1));
        Value State(DType type, int columns = 300) => harness.Input("state", 2, columns, type);
        Value Blocks(int blocks) => harness.Input("blocks", blocks, 1);
        foreach (var inputs in new Value?[][]
        {
            [State(DType.F32), null],
            [State(DType.F32), null, State(DType.F32, 30), null],
            [State(DType.F32), null, State(DType.U8), Blocks(3)],
            [State(DType.U8), Blocks(3), State(DType.U8), Blocks(2)],
            [State(DType.U8), Blocks(3), State(DType.U8), null],
            [State(DType.F32), Blocks(3), State(DType.F32), Blocks(3)],
        })
            Assert.Throws<ShapeException>(() => harness.Add(Rule(parameter), [parameter.Gradient, norm, rate, .. inputs]));
    }

    private static AdamW Rule(Parameter parameter) => new(parameter, 0.9, 0.999, 1e-8, 0.01, 0);

    private static Harness Build(DType type, int rows, int columns, int? codes = null)
    {
        var harness = new Harness(default, type == DType.F64 ? DType.F32 : type);
        harness.Parameter("p", rows, columns);
        var parameter = harness.Parameters[0];
        var random = new Random(5);
        List<Value?> states = [];
        foreach (var name in (string[])["exp_avg", "exp_avg_sq"])
        {
            states.Add(harness.Input(name, rows, columns, DType.U8, [.. Enumerable.Range(0, rows * columns).Select(_ => (double)(codes ?? random.Next(256)))]));
            states.Add(harness.Input(name + ".absmax", ParameterUpdate.Blocks(rows * columns), 1, DType.F32, [.. Enumerable.Range(0, ParameterUpdate.Blocks(rows * columns)).Select(_ => 0.1 + random.NextDouble())]));
        }

        var norm = new GradientNorm().Infer("norm", [parameter.Gradient])[0];
        harness.Allocate(norm);
        harness.Graph.Add(new Node(new GradientNorm(), "norm", -1, [parameter.Gradient], [norm], [false]));
        harness.Add(Rule(parameter), [parameter.Gradient, norm, harness.Input("rate", 1, 1, DType.F32, [0.1]), .. states]);
        return harness;
    }
}

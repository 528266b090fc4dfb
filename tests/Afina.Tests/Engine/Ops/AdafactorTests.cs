using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class AdafactorTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 2, 67, 200);

    [Fact]
    public void The_first_step_of_a_vector_is_the_sign_of_its_gradient_at_the_rate()
    {
        using var harness = Build(DType.F64, 1, 3, 0, parameter => new Adafactor(parameter, 0, 0));
        harness.Write(harness.Parameters[0].Value, [1, 2, 3]);
        harness.Write(harness.Parameters[0].Gradient, [0.5, -4, 1e-3]);
        var outputs = harness.Run();

        Agreement.AssertClose([0.9, 2.1, 2.9], outputs[harness.Parameters[0].Value], 1e-6);
        Agreement.AssertClose([0.25, 16, 1e-6], outputs[harness.Named("exp_avg_sq")], 1e-9);
        Assert.Equal([0, 0, 0], outputs[harness.Parameters[0].Gradient]);
    }

    [Fact]
    public void A_matrix_keeps_the_means_of_its_rows_and_columns()
    {
        using var harness = Build(DType.F64, 2, 2, 0, parameter => new Adafactor(parameter, 0, 0));
        harness.Write(harness.Parameters[0].Value, new double[4]);
        harness.Write(harness.Parameters[0].Gradient, [1, 2, 3, 4]);
        var outputs = harness.Run();

        Agreement.AssertClose([2.5, 12.5], outputs[harness.Named("exp_avg_sq_row")], 1e-9);
        Agreement.AssertClose([5, 10], outputs[harness.Named("exp_avg_sq_col")], 1e-9);
        double[] update = [1 / Math.Sqrt(2.5 / 7.5 * 5), 2 / Math.Sqrt(2.5 / 7.5 * 10), 3 / Math.Sqrt(12.5 / 7.5 * 5), 4 / Math.Sqrt(12.5 / 7.5 * 10)];
        var most = Math.Max(1, Math.Sqrt(update.Average(u => u * u)));
        Agreement.AssertClose([.. update.Select(u => -0.1 * u / most)], outputs[harness.Parameters[0].Value], 1e-6);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_changes_nothing()
    {
        foreach (var backend in Backends.Names)
        {
            using var harness = Build(DType.F32, 2, 3, 4, parameter => new Adafactor(parameter, 0, 1));
            harness.Write(harness.Parameters[0].Gradient, [double.NegativeInfinity]);
            using var run = harness.Prepare(Backends.Make(backend));
            var outputs = run.Run();

            foreach (var value in new[] { harness.Parameters[0].Value, harness.Named("exp_avg_sq_row"), harness.Named("exp_avg_sq_col") })
                Assert.Equal(harness.Read(value), outputs[value]);
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var columns in new[] { 1, 33, 300 })
        {
            foreach (var scales in new[] { false, true })
            {
                using var harness = Build(type, rows, columns, 7, parameter => new Adafactor(parameter, 0.01, 0.5) { ScaleParameter = scales, RelativeStep = scales, WarmupInit = columns == 33, Threshold = 0.3 });
                Agreement.WithReference(backend, harness, 1e-6, 1e-5);
            }
        }
    }

    private static Harness Build(DType type, int rows, int columns, int step, Func<Parameter, Adafactor> make)
    {
        var harness = new Harness(new Counts { Step = step }, type);
        harness.Parameter("p", rows, columns);
        var parameter = harness.Parameters[0];
        var operation = make(parameter);
        List<Value?> states = [];
        foreach (var (name, stateRows, stateColumns) in operation.States)
        {
            var state = harness.Input(name, stateRows, stateColumns, harness.ParameterType);
            harness.Write(state, [.. harness.Read(state).Select(value => 0.1 + Math.Abs(value))]);
            states.Add(state);
        }

        var norm = new GradientNorm().Infer("norm", [parameter.Gradient])[0];
        harness.Allocate(norm);
        harness.Graph.Add(new Node(new GradientNorm(), "norm", -1, [parameter.Gradient], [norm], [false]));
        harness.Add(operation, [parameter.Gradient, norm, harness.Input("rate", 1, 1, DType.F32, [0.1]), .. states]);
        return harness;
    }
}

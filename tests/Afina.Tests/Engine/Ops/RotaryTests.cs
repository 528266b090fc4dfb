using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

public sealed class RotaryTests
{
    public static TheoryData<string, DType, int> Runs => Backends.With(0, 1, 5, 67);

    [Fact]
    public void The_table_holds_scaled_cosines_then_sines_of_position_times_frequency()
    {
        using var harness = new Harness(new Counts { Rows = 2 });
        var table = harness.Add(new RotaryTable(2), harness.Ints("positions", Dimension.Rows, 1, 0, 3), harness.Input("f", 1, 2, DType.F32, [1, 0.5]))[0];

        Agreement.AssertClose([2, 2, 0, 0, 2 * Math.Cos(3), 2 * Math.Cos(1.5), 2 * Math.Sin(3), 2 * Math.Sin(1.5)], harness.Run()[table]);
    }

    [Fact]
    public void Rotates_halves_of_each_head_as_complex_numbers_and_passes_the_rest()
    {
        using var harness = new Harness(new Counts { Rows = 1 });
        var table = harness.Add(new RotaryTable(), harness.Ints("positions", Dimension.Rows, 1, 2), harness.Input("f", 1, 2, DType.F32, [1, 0.25]))[0];
        var x = harness.Input("x", Dimension.Rows, 10, DType.F64, [1, 2, 3, 4, 5, -1, 0.5, 2, 1, 7]);
        var y = harness.Add(new Rotary(5), x, table)[0];

        var a = new System.Numerics.Complex(1, 3) * System.Numerics.Complex.Exp(new(0, 2));
        var b = new System.Numerics.Complex(2, 4) * System.Numerics.Complex.Exp(new(0, 0.5));
        var c = new System.Numerics.Complex(-1, 2) * System.Numerics.Complex.Exp(new(0, 2));
        var d = new System.Numerics.Complex(0.5, 1) * System.Numerics.Complex.Exp(new(0, 0.5));
        Agreement.AssertClose([a.Real, b.Real, a.Imaginary, b.Imaginary, 5, c.Real, d.Real, c.Imaginary, d.Imaginary, 7], harness.Run()[y]);
    }

    [Fact]
    public void The_inverse_rotates_back()
    {
        using var harness = new Harness(new Counts { Rows = 3 });
        var table = Table(harness, 3, 2);
        var x = harness.Input("x", Dimension.Rows, 8);
        var y = harness.Add(new Rotary(4), x, table)[0];
        var back = harness.Add(new Rotary(4, Inverse: true), y, table)[0];

        // The table's scale of 1.5 counts twice on the rotated elements.
        Agreement.AssertClose([.. harness.Read(x).Select(element => 2.25 * element)], harness.Run()[back], 1e-6);
    }

    [Theory]
    [InlineData(4, 2, false)]
    [InlineData(5, 2, true)]
    [InlineData(6, 1, false)]
    public void Gradients_are_those_of_finite_differences(int headDim, int half, bool adds)
    {
        using var harness = Build(DType.F64, 3, 2, headDim, half, adds);

        Agreement.WithFiniteDifferences(harness);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Kernels_agree_with_the_reference(string backend, DType type, int rows)
    {
        foreach (var (heads, headDim, half) in new[] { (1, 2, 1), (3, 22, 11), (2, 64, 32), (2, 48, 17) })
        {
            using var harness = Build(type, rows, heads, headDim, half, half == 17);
            Agreement.WithReference(backend, harness);
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Tables_of_far_positions_agree_with_the_reference(string backend, DType type, int rows)
    {
        using var harness = new Harness(new Counts { Rows = rows }, type);
        var positions = harness.Ints("positions", Dimension.Rows, 1, Enumerable.Range(0, rows).Select(i => i * 1999));
        var frequencies = harness.Input("f", 1, 33, DType.F32, [.. Enumerable.Range(0, 33).Select(i => Math.Pow(10000, -i / 33.0))]);
        harness.Add(new RotaryTable(1.25f), positions, frequencies);

        Agreement.WithReference(backend, harness, 2e-6, 2e-6);
    }

    private static Value Table(Harness harness, int rows, int half) =>
        harness.Add(new RotaryTable(1.5f), harness.Ints("positions", Dimension.Rows, 1, Enumerable.Range(0, rows).Select(i => 3 * i)), harness.Input("f", 1, half, DType.F32))[0];

    private static Harness Build(DType type, int rows, int heads, int headDim, int half, bool adds)
    {
        var harness = new Harness(new Counts { Rows = rows }, type, adds);
        var table = Table(harness, rows, half);
        return harness.Backward(harness.Add(new Rotary(headDim), harness.Activation("x", Dimension.Rows, heads * headDim), table)[0]);
    }
}

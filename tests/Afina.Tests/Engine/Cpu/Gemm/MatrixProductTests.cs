using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Cpu.Gemm;

public sealed unsafe partial class MatrixProductTests
{
    public static TheoryData<string, string> Variants()
    {
        var data = new TheoryData<string, string>();
        foreach (var (mode, kernel) in ProductHarness.Variants())
            data.Add(mode.ToString(), kernel.Name);
        return data;
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_product_of_any_size_orientation_and_type_equals_the_oracle(string mode, string kernel)
    {
        for (var seed = 0; seed < 80; seed++)
            Check(mode, kernel, seed, m: null, n: null, k: null);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Large_products_equal_the_oracle(string mode, string kernel)
    {
        Check(mode, kernel, 1, 777, 65, 40);
        Check(mode, kernel, 2, 30, 1100, 50);
        Check(mode, kernel, 3, 17, 33, 2500);
        Check(mode, kernel, 4, 21, 45, 17000);
        Check(mode, kernel, 5, 1600, 16, 35);
        Check(mode, kernel, 6, 130, 48, 1200);
        Check(mode, kernel, 8, 5, 9000, 20);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Fewer_rows_than_the_capacity_leave_the_other_rows_alone(string mode, string kernel)
    {
        foreach (var count in new[] { 0, 1, 5, 14, 29 })
        {
            Check(mode, kernel, 7, 30, 37, 19, count);
            Check(mode, kernel, 9, 30, 80, 19, count);
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_sum_over_counted_rows_equals_the_oracle(string mode, string kernel)
    {
        foreach (var (m, n, capacity, count) in new[] { (16, 70, 64, 64), (16, 70, 64, 33), (70, 16, 40, 39), (5, 3, 8, 0), (48, 130, 9000, 8999), (130, 20, 9000, 8500) })
        {
            using var harness = new ProductHarness(m + count);
            var x = harness.Random(capacity, n, DType.BF16);
            var v = harness.Random(capacity, m, DType.BF16);
            var c = harness.Random(m, n, DType.F32);
            var spec = new ProductSpec(Enum.Parse<ComputeMode>(mode), m, [new ProductLeft(v.Operand.Transposed, capacity)],
                [new ProductOutput { Data = c.Data, Type = DType.F32, Stride = c.Stride, Columns = n, Beta = 1, Terms = [new ProductTerm(0, x.Operand)] }],
                CountedDimension.Inner);
            var expected = new double[m, n];
            var magnitude = new double[m, n];
            for (var i = 0; i < m; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    expected[i, j] = c[i, j];
                    magnitude[i, j] = Math.Abs(c[i, j]);
                    for (var r = 0; r < count; r++)
                    {
                        expected[i, j] += (double)v[r, i] * x[r, j];
                        magnitude[i, j] += Math.Abs((double)v[r, i] * x[r, j]);
                    }
                }
            }

            harness.Run(new MatrixProduct(spec, Kernel(mode, kernel)), count);
            for (var i = 0; i < m; i++)
            {
                for (var j = 0; j < n; j++)
                    Assert.True(Math.Abs(expected[i, j] - c[i, j]) <= 1e-5 * magnitude[i, j] + 1e-6, $"[{i},{j}] of {m}x{n}x{count}: {c[i, j]} is not {expected[i, j]}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Many_sums_over_counted_rows_share_a_product(string mode, string kernel)
    {
        foreach (var (capacity, count) in new[] { (64, 50), (3000, 2999), (3000, 10), (9000, 8500), (9000, 0) })
        {
            using var harness = new ProductHarness(count);
            var rights = new[] { 40, 7, 70 }.Select(n => harness.Random(capacity, n, DType.BF16)).ToArray();
            var lefts = rights.Select(_ => harness.Random(capacity, 16, DType.BF16)).ToArray();
            var sums = rights.Select((r, i) => i == 1 ? harness.Random(r.Columns, 16, DType.F32) : harness.Random(16, r.Columns, DType.F32)).ToArray();
            var before = sums.Select(s => Enumerable.Range(0, s.Rows).Select(i => Enumerable.Range(0, s.Columns).Select(j => s[i, j]).ToArray()).ToArray()).ToArray();
            var spec = new ProductSpec(Enum.Parse<ComputeMode>(mode), 16, [.. lefts.Select(l => new ProductLeft(l.Operand.Transposed, capacity))],
                [.. sums.Select((s, i) => new ProductOutput
                {
                    Data = s.Data,
                    Type = DType.F32,
                    Stride = s.Stride,
                    Columns = rights[i].Columns,
                    Beta = 1,
                    IsTransposed = i == 1,
                    Terms = [new ProductTerm(i, rights[i].Operand)],
                })],
                CountedDimension.Inner);
            harness.Run(new MatrixProduct(spec, Kernel(mode, kernel)), count, threads: 2);
            for (var o = 0; o < sums.Length; o++)
            {
                for (var i = 0; i < 16; i++)
                {
                    for (var j = 0; j < rights[o].Columns; j++)
                    {
                        var (row, column) = o == 1 ? (j, i) : (i, j);
                        double expected = before[o][row][column], magnitude = Math.Abs(expected);
                        for (var r = 0; r < count; r++)
                        {
                            expected += (double)lefts[o][r, i] * rights[o][r, j];
                            magnitude += Math.Abs((double)lefts[o][r, i] * rights[o][r, j]);
                        }

                        Assert.True(Math.Abs(expected - sums[o][row, column]) <= 1e-5 * magnitude + 1e-6, $"sum {o} [{i},{j}] over {count}: {sums[o][row, column]} is not {expected}");
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Any_number_of_threads_gives_the_same_bits(string mode, string kernel)
    {
        foreach (var (rows, inner, columns) in new[] { (900, 300, 130), (40, 9000, 70), (300, 100, 40) })
            SameBits(mode, kernel, rows, inner, columns);
    }

    private static void SameBits(string mode, string kernel, int rows, int inner, int columns)
    {
        using var harness = new ProductHarness(11);
        var x = harness.Random(rows, inner, DType.BF16);
        var w = harness.Random(columns, inner, DType.F32);
        var c = harness.Random(rows, columns, DType.F32);
        var spec = new ProductSpec(Enum.Parse<ComputeMode>(mode), rows, [new ProductLeft(x.Operand, inner)],
            [new ProductOutput { Data = c.Data, Type = DType.F32, Stride = c.Stride, Columns = columns, Terms = [new ProductTerm(0, w.Operand.Transposed)] }]);
        var product = new MatrixProduct(spec, Kernel(mode, kernel));
        harness.Run(product, rows);
        var once = c.Bytes();
        for (var threads = 1; threads <= 3; threads++)
        {
            harness.Run(product, rows, threads);
            Assert.True(once.AsSpan().SequenceEqual(c.Bytes()), $"{threads} threads");
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_row_has_the_same_bits_whatever_its_neighbours(string mode, string kernel)
    {
        foreach (var (type, columns) in new[] { (DType.F32, 80), (DType.F32, 50), (DType.BF16, 50), (DType.BF16, 16) })
            SameBits(mode, kernel, type, columns);
    }

    private static void SameBits(string mode, string kernel, DType type, int columns)
    {
        using var harness = new ProductHarness(12);
        var x = harness.Random(100, 200, type);
        var w = harness.Random(columns, 200, DType.F32);
        var c = harness.Random(100, columns, DType.F32);
        var spec = new ProductSpec(Enum.Parse<ComputeMode>(mode), 100, [new ProductLeft(x.Operand, 200)],
            [new ProductOutput { Data = c.Data, Type = DType.F32, Stride = c.Stride, Columns = columns, Terms = [new ProductTerm(0, w.Operand.Transposed)] }]);
        var product = new MatrixProduct(spec, Kernel(mode, kernel));
        harness.Run(product, 100);
        var row = Enumerable.Range(0, columns).Select(j => c[6, j]).ToArray();
        foreach (var count in new[] { 7, 20, 99 })
        {
            harness.Run(product, count);
            Assert.Equal(row, Enumerable.Range(0, columns).Select(j => c[6, j]));
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void One_to_four_rows_give_each_row_the_same_bits_and_add_terms_and_bias(string mode, string kernel)
    {
        using var harness = new ProductHarness(15);
        foreach (var (inner, type) in new[] { (96, DType.BF16), (96, DType.F32), (70, DType.BF16) })
        {
            var x = harness.Random(4, inner, DType.BF16);
            var u = harness.Random(4, 16, DType.BF16);
            var w = harness.Random(67, inner, type);
            var b = harness.Random(67, 16, DType.BF16);
            var bias = harness.Random(1, 67, DType.F32);
            var c = harness.Random(4, 67, DType.F32);
            var spec = new ProductSpec(Enum.Parse<ComputeMode>(mode), 4, [new ProductLeft(x.Operand, inner), new ProductLeft(u.Operand, 16)],
            [
                new ProductOutput
                {
                    Data = c.Data,
                    Type = DType.F32,
                    Stride = c.Stride,
                    Columns = 67,
                    Bias = (float*)bias.Data,
                    Terms = [new ProductTerm(0, w.Operand.Transposed), new ProductTerm(1, b.Operand.Transposed)],
                },
            ]);
            var product = new MatrixProduct(spec, Kernel(mode, kernel));
            harness.Run(product, 4, threads: 2);
            var all = Enumerable.Range(0, 4).Select(i => Enumerable.Range(0, 67).Select(j => c[i, j]).ToArray()).ToArray();
            for (var i = 0; i < 4; i++)
            {
                for (var j = 0; j < 67; j++)
                {
                    var expected = (double)bias[0, j];
                    for (var p = 0; p < inner; p++)
                        expected += (double)x[i, p] * w[j, p];
                    for (var p = 0; p < 16; p++)
                        expected += (double)u[i, p] * b[j, p];
                    Assert.Equal(expected, all[i][j], 1e-4);
                }
            }

            for (var count = 1; count < 4; count++)
            {
                harness.Run(product, count);
                for (var i = 0; i < count; i++)
                    Assert.Equal(all[i], Enumerable.Range(0, 67).Select(j => c[i, j]));
            }
        }
    }

    private static MicroKernel Kernel(string mode, string name) => MicroKernels.Available(Enum.Parse<ComputeMode>(mode)).First(k => k.Name == name);

    private static void Check(string modeName, string kernel, int seed, int? m, int? n, int? k, int? bound = null)
    {
        var mode = Enum.Parse<ComputeMode>(modeName);
        using var harness = new ProductHarness(seed);
        DType Type() => harness.Next(0, 2) == 0 ? DType.F32 : DType.BF16;
        var rows = m ?? harness.Next(1, 71);
        var count = bound ?? rows;
        var inners = Enumerable.Range(0, harness.Next(1, 4)).Select(i => i == 0 && k is { } given ? given : harness.Next(1, 71)).ToArray();
        var lefts = new List<(ProductHarness.Matrix Stored, bool Transposed)>();
        foreach (var inner in inners)
        {
            var transposed = harness.Next(0, 2) == 0;
            lefts.Add((transposed ? harness.Random(inner, rows, Type()) : harness.Random(rows, inner, Type()), transposed));
        }

        var outputs = new List<ProductOutput>();
        var checks = new List<Action>();
        for (var o = harness.Next(1, 3); o > 0; o--)
        {
            var columns = n ?? harness.Next(1, 71);
            var terms = new List<(int Left, ProductHarness.Matrix Stored, bool Transposed)>();
            foreach (var left in Enumerable.Range(0, inners.Length).Where(l => l == o % inners.Length || harness.Next(0, 2) == 0))
            {
                var transposed = harness.Next(0, 2) == 0;
                terms.Add((left, transposed ? harness.Random(columns, inners[left], Type()) : harness.Random(inners[left], columns, Type()), transposed));
            }

            var isTransposed = harness.Next(0, 4) == 0;
            var c = isTransposed ? harness.Random(columns, rows, Type()) : harness.Random(rows, columns, Type());
            var before = new double[rows, columns];
            for (var i = 0; i < rows; i++)
            {
                for (var j = 0; j < columns; j++)
                    before[i, j] = isTransposed ? c[j, i] : c[i, j];
            }

            var bias = harness.Random(1, columns, DType.F32);
            var columnScale = harness.Random(1, columns, DType.F32);
            var residual = harness.Random(rows, columns, Type());
            var (hasBias, hasScale, hasResidual) = (harness.Next(0, 2) == 0, harness.Next(0, 3) == 0, !isTransposed && harness.Next(0, 2) == 0);
            float beta = harness.Next(0, 3) * 0.5f, scale = harness.Next(1, 3);
            outputs.Add(new ProductOutput
            {
                Data = c.Data,
                Type = c.Type,
                Stride = c.Stride,
                Columns = columns,
                IsTransposed = isTransposed,
                Beta = beta,
                Scale = scale,
                Bias = hasBias ? (float*)bias.Data : null,
                ColumnScale = hasScale ? (float*)columnScale.Data : null,
                Residual = hasResidual ? residual.Operand : null,
                Terms = [.. terms.Select(t => new ProductTerm(t.Left, t.Transposed ? t.Stored.Operand.Transposed : t.Stored.Operand))],
            });
            checks.Add(() =>
            {
                for (var i = 0; i < rows; i++)
                {
                    for (var j = 0; j < columns; j++)
                    {
                        double sum = 0, magnitude = 0;
                        foreach (var term in terms)
                        {
                            var left = lefts[term.Left];
                            for (var p = 0; p < inners[term.Left]; p++)
                            {
                                var product = (double)ProductHarness.Rounded(left.Transposed ? left.Stored[p, i] : left.Stored[i, p], mode)
                                    * ProductHarness.Rounded(term.Transposed ? term.Stored[j, p] : term.Stored[p, j], mode);
                                sum += product;
                                magnitude += Math.Abs(product);
                            }
                        }

                        var factor = scale * (hasScale ? columnScale[0, j] : 1);
                        var expected = sum * factor + (hasBias ? bias[0, j] : 0) + (hasResidual ? residual[i, j] : 0) + beta * before[i, j];
                        // Few rows read weights unrounded.
                        var relative = mode == ComputeMode.Bf16 && count <= 4 ? 1.0 / 256 : 1e-5;
                        var tolerance = 1e-5 + relative * magnitude * Math.Abs(factor) + (c.Type == DType.BF16 ? Math.Abs(expected) / 128 : 0);
                        var actual = isTransposed ? c[j, i] : c[i, j];
                        if (i >= count)
                            Assert.Equal(before[i, j], actual);
                        else
                            Assert.True(Math.Abs(expected - actual) <= tolerance, $"seed {seed}, [{i},{j}] of {rows}x{columns}, inner {string.Join('+', inners)}: {actual} is not {expected}");
                    }
                }
            });
        }

        var spec = new ProductSpec(mode, rows, [.. lefts.Select((l, i) => new ProductLeft(l.Transposed ? l.Stored.Operand.Transposed : l.Stored.Operand, inners[i]))], outputs);
        harness.Run(new MatrixProduct(spec, Kernel(modeName, kernel)), count);
        foreach (var check in checks)
            check();
    }
}

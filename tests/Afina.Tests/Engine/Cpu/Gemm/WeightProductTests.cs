using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Panels;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;
using Xunit;

namespace Afina.Tests.Engine.Cpu.Gemm;

public sealed unsafe class WeightProductTests
{
    public static TheoryData<string> Formats() => [.. BlockFormats.Ggml.Select(f => f.Name), "NF4", "FP4", "NF4 nested"];

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_frozen_weight_enters_in_either_orientation_as_its_decoder_reads_it(string format)
    {
        foreach (var (mode, kernel) in ProductHarness.Variants())
        {
            foreach (var rows in new[] { 1, 2, 3, 4, 9 })
            {
                foreach (var (outputs, inputs) in Sizes(format))
                {
                    Check(format, mode, kernel, rows, outputs, inputs, transposed: true);
                    Check(format, mode, kernel, rows, outputs, inputs, transposed: false);
                }
            }
        }
    }

    [Fact]
    public void Every_half_is_widened_exactly()
    {
        for (var bits = 0; bits < 65536; bits++)
        {
            var value = (ushort)bits;
            Assert.Equal((float)BitConverter.UInt16BitsToHalf(value), Conversions.Half((byte*)&value));
        }
    }

    [Fact]
    public void Conversions_to_bfloat16_round_to_nearest_even_and_keep_nan()
    {
        float[] values = [0f, -0f, 1f, 1.00390625f, 1.01171875f, float.MaxValue, float.Epsilon, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
            BitConverter.UInt32BitsToSingle(0x7F800001), BitConverter.UInt32BitsToSingle(0xFFFFFFFF), 3.14159f, -2.71828f, 1e-40f, 65504f, 123456f];
        var rounded = new ushort[values.Length];
        fixed (float* from = values)
        fixed (ushort* to = rounded)
            Conversions.ToBf16(from, to, values.Length);
        for (var i = 0; i < values.Length; i++)
            Assert.Equal(BFloat16.ToSingle(BFloat16.FromSingle(values[i])), BFloat16.ToSingle(rounded[i]));
    }

    [Fact]
    public void A_weight_of_another_shape_is_refused()
    {
        using var harness = new ProductHarness(1);
        var x = harness.Random(2, 32, DType.F32);
        var weight = new Weight("layers.0.up", BlockFormats.F32, 8, 16, harness.Allocate(512), 512, harness);
        var spec = new ProductSpec(ComputeMode.Fp32, 2, [new ProductLeft(x.Operand, 32)],
            [new ProductOutput { Data = harness.Allocate(64), Type = DType.F32, Stride = 8, Columns = 8, Terms = [new ProductTerm(0, Operand.Of(weight).Transposed)] }]);
        Assert.Contains("layers.0.up is [8, 16]", Assert.Throws<ArgumentException>(() => new MatrixProduct(spec)).Message, StringComparison.Ordinal);
    }

    private static (int Outputs, int Inputs)[] Sizes(string format) => format switch
    {
        "NF4" or "FP4" or "NF4 nested" => [(37, 67), (33, 128)],
        "F32" or "F16" or "BF16" => [(37, 67), (33, 64)],
        _ => [(35, 256)],
    };

    private static void Check(string format, ComputeMode mode, MicroKernel kernel, int rows, int outputs, int inputs, bool transposed)
    {
        using var harness = new ProductHarness(outputs + inputs);
        var weight = Random(harness, format, outputs, inputs);
        var decoded = new float[outputs * inputs];
        weight.Decode(0, decoded);
        var (k, n) = transposed ? (inputs, outputs) : (outputs, inputs);
        var x = harness.Random(rows, k, DType.F32);
        var c = harness.Random(rows, n, DType.F32);
        var right = transposed ? Operand.Of(weight).Transposed : Operand.Of(weight);
        var spec = new ProductSpec(mode, rows, [new ProductLeft(x.Operand, k)],
            [new ProductOutput { Data = c.Data, Type = DType.F32, Stride = c.Stride, Columns = n, Terms = [new ProductTerm(0, right)] }]);
        harness.Run(new MatrixProduct(spec, kernel), rows);
        var few = transposed && rows <= 4;
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < n; j++)
            {
                double sum = 0, magnitude = 0;
                for (var p = 0; p < k; p++)
                {
                    var element = decoded[transposed ? j * inputs + p : p * inputs + j];
                    var product = (double)ProductHarness.Rounded(x[i, p], mode) * (few ? element : ProductHarness.Rounded(element, mode));
                    sum += product;
                    magnitude += Math.Abs(product);
                }

                Assert.True(Math.Abs(sum - c[i, j]) <= 1e-5 * magnitude + 1e-7, $"{format} {mode}/{kernel.Name} [{i},{j}] of {rows}x{n}x{k}, transposed {transposed}: {c[i, j]} is not {sum}");
            }
        }
    }

    private static Weight Random(ProductHarness harness, string format, int rows, int columns)
    {
        var count = rows * columns;
        if (BlockFormats.Ggml.FirstOrDefault(f => f.Name == format) is { } packed)
        {
            var values = Enumerable.Range(0, count).Select(_ => (harness.Next(0, 2001) - 1000) / 1000f).ToArray();
            var bytes = (long)count / packed.BlockElements * packed.BlockBytes;
            var data = harness.Allocate(bytes);
            packed.Encode(values, new Span<byte>(data, (int)bytes));
            return new Weight("w", packed, rows, columns, data, bytes, harness);
        }

        var four = format == "FP4" ? BlockFormats.FP4 : BlockFormats.NF4;
        var codes = harness.Allocate((count + 1) / 2);
        for (var i = 0; i < (count + 1) / 2; i++)
            codes[i] = (byte)harness.Next(0, 256);
        var blocks = (count + 63) / 64;
        var scales = format == "NF4 nested"
            ? new BlockScales(64, null, [.. Enumerable.Range(0, blocks).Select(b => (byte)(b * 7))], [.. Enumerable.Repeat(0.01f, (blocks / 256) + 1)],
                [.. Enumerable.Range(0, 256).Select(v => v / 16f)], 256, 0.3f, four.Map.ToArray())
            : BlockScales.Plain(64, [.. Enumerable.Range(1, blocks).Select(b => 1f / b)], four.Map.ToArray());
        return new Weight("w", four, rows, columns, codes, (count + 1) / 2, harness, scales);
    }
}

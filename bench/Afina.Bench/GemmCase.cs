using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Kernels;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Bench;

/// <summary>One product of a training step at a model's shape, on memory of its own.</summary>
internal sealed unsafe class GemmCase(string name, double flops, MatrixProduct product, int count, IReadOnlyList<NativeBuffer> memory) : IDisposable
{
    public string Name { get; } = name;

    public double Flops { get; } = flops;

    /// <summary>Bytes of all operands and outputs.</summary>
    public long Bytes => memory.Sum(b => b.Length);

    /// <summary>Seconds of the fastest of several runs, and of the mean one.</summary>
    public (double Best, double Mean) Time(GemmTeam team, int milliseconds)
    {
        var workerStride = (product.WorkerBytes + 63) & ~63L;
        using var shared = new NativeBuffer(product.SharedBytes);
        using var workers = new NativeBuffer(workerStride * team.Threads);
        product.Bind(shared.Pointer, workers.Pointer, workerStride);
        return team.Time(product, count, milliseconds);
    }

    public void Dispose()
    {
        foreach (var buffer in memory)
            buffer.Dispose();
    }

    /// <summary>Y_i = X W_iᵀ + U B_iᵀ for all weights of a list.</summary>
    public static GemmCase Forward(string name, GemmShapes shapes, MicroKernel kernel)
    {
        var memory = new List<NativeBuffer>();
        var (m, k, r) = (shapes.Rows, shapes.Inner, shapes.Rank);
        var lefts = new List<ProductLeft> { new(Dense(memory, m, k, DType.BF16), k) };
        var outputs = new List<ProductOutput>();
        double flops = 0;
        foreach (var n in shapes.Outputs)
        {
            lefts.Add(new ProductLeft(Dense(memory, m, r, DType.BF16), r));
            outputs.Add(new ProductOutput
            {
                Data = New(memory, (long)m * n * 2),
                Type = DType.BF16,
                Stride = n,
                Columns = n,
                Terms = [new ProductTerm(0, Weight(memory, shapes.Format, n, k).Transposed), new ProductTerm(lefts.Count - 1, Dense(memory, n, r, DType.BF16).Transposed)],
            });
            flops += 2.0 * m * n * (k + r);
        }

        return new GemmCase(name, flops, Prepare(m, lefts, outputs, CountedDimension.Rows, kernel), m, memory);
    }

    /// <summary>dX = sum of dY_i W_i, and V A.</summary>
    public static GemmCase Backward(string name, GemmShapes shapes, MicroKernel kernel)
    {
        var memory = new List<NativeBuffer>();
        var (m, k) = (shapes.Rows, shapes.Inner);
        var lefts = new List<ProductLeft>();
        var terms = new List<ProductTerm>();
        double flops = 0;
        foreach (var n in shapes.Outputs)
        {
            terms.Add(new ProductTerm(lefts.Count, Weight(memory, shapes.Format, n, k)));
            lefts.Add(new ProductLeft(Dense(memory, m, shapes.IsHead ? 2 * HeadLossKernel.LogitStride(n) : n, DType.BF16), n));
            flops += 2.0 * m * n * k;
        }

        var rank = shapes.Rank * shapes.Outputs.Length;
        terms.Add(new ProductTerm(lefts.Count, Dense(memory, rank, k, DType.BF16)));
        lefts.Add(new ProductLeft(Dense(memory, m, rank, DType.BF16), rank));
        flops += 2.0 * m * rank * k;
        var output = new ProductOutput { Data = New(memory, (long)m * k * 2), Type = DType.BF16, Stride = k, Columns = k, Terms = terms };
        return new GemmCase(name, flops, Prepare(m, lefts, [output], CountedDimension.Rows, kernel), m, memory);
    }

    /// <summary>U = s X Aᵀ, A stacked for the list.</summary>
    public static GemmCase Down(string name, GemmShapes shapes, MicroKernel kernel)
    {
        var memory = new List<NativeBuffer>();
        var (m, k, r) = (shapes.Rows, shapes.Inner, shapes.Rank * shapes.Outputs.Length);
        var output = new ProductOutput
        {
            Data = New(memory, (long)m * r * 2),
            Type = DType.BF16,
            Stride = r,
            Columns = r,
            Scale = 2,
            Terms = [new ProductTerm(0, Dense(memory, r, k, DType.BF16).Transposed)],
        };
        return new GemmCase(name, 2.0 * m * k * r, Prepare(m, [new ProductLeft(Dense(memory, m, k, DType.BF16), k)], [output], CountedDimension.Rows, kernel), m, memory);
    }

    /// <summary>V_i = s dY_i B_i.</summary>
    public static GemmCase DownGradient(string name, GemmShapes shapes, MicroKernel kernel)
    {
        var memory = new List<NativeBuffer>();
        var (m, r) = (shapes.Rows, shapes.Rank);
        var lefts = new List<ProductLeft>();
        var outputs = new List<ProductOutput>();
        double flops = 0;
        foreach (var n in shapes.Outputs)
        {
            outputs.Add(new ProductOutput
            {
                Data = New(memory, (long)m * r * 2),
                Type = DType.BF16,
                Stride = r,
                Columns = r,
                Scale = 2,
                Terms = [new ProductTerm(lefts.Count, Dense(memory, n, r, DType.BF16))],
            });
            lefts.Add(new ProductLeft(Dense(memory, m, n, DType.BF16), n));
            flops += 2.0 * m * n * r;
        }

        return new GemmCase(name, flops, Prepare(m, lefts, outputs, CountedDimension.Rows, kernel), m, memory);
    }

    /// <summary>dA += Vᵀ X.</summary>
    public static GemmCase GradientA(string name, GemmShapes shapes, MicroKernel kernel) =>
        Gradient(name, shapes.Rows, shapes.Rank * shapes.Outputs.Length, shapes.Inner, kernel);

    /// <summary>dB += dYᵀ U for the first weight of the list.</summary>
    public static GemmCase GradientB(string name, GemmShapes shapes, MicroKernel kernel) =>
        Gradient(name, shapes.Rows, shapes.Outputs[0], shapes.Rank, kernel);

    private static GemmCase Gradient(string name, int count, int rows, int columns, MicroKernel kernel)
    {
        var memory = new List<NativeBuffer>();
        var output = new ProductOutput
        {
            Data = New(memory, (long)rows * columns * 4),
            Type = DType.F32,
            Stride = columns,
            Columns = columns,
            Beta = 1,
            Terms = [new ProductTerm(0, Dense(memory, count, columns, DType.BF16))],
        };
        var left = new ProductLeft(Dense(memory, count, rows, DType.BF16).Transposed, count);
        return new GemmCase(name, 2.0 * count * rows * columns, Prepare(rows, [left], [output], CountedDimension.Inner, kernel), count, memory);
    }

    private static MatrixProduct Prepare(int rows, IReadOnlyList<ProductLeft> lefts, IReadOnlyList<ProductOutput> outputs, CountedDimension counted, MicroKernel kernel) =>
        new(new ProductSpec(kernel.Panels == Afina.Engine.Cpu.Panels.PanelKind.Fp32 ? ComputeMode.Fp32 : ComputeMode.Bf16, rows, lefts, outputs, counted), kernel);

    private static byte* New(List<NativeBuffer> memory, long bytes)
    {
        var buffer = new NativeBuffer(bytes);
        memory.Add(buffer);
        return buffer.Pointer;
    }

    private static Operand Dense(List<NativeBuffer> memory, int rows, int columns, DType type)
    {
        var data = (ushort*)New(memory, (long)rows * columns * type.Bytes());
        var random = new Random(1);
        for (long i = 0; i < (long)rows * columns; i++)
            data[i] = BFloat16.FromSingle(random.NextSingle() - 0.5f);
        return Operand.Dense(data, type, columns);
    }

    private static Operand Weight(List<NativeBuffer> memory, BlockFormat? format, int rows, int columns)
    {
        if (format is null)
            return Dense(memory, rows, columns, DType.BF16);
        var bytes = (long)rows * columns / format.BlockElements * format.BlockBytes;
        var data = New(memory, bytes);
        new Random(1).NextBytes(new Span<byte>(data, (int)bytes));
        // Nested scales, as double quantization keeps them: 64 elements per code, 256 codes per maximum.
        var blocks = (int)((long)rows * columns / 64);
        var scales = format is FourBitFormat four
            ? new BlockScales(64, null, new byte[blocks], [.. Enumerable.Repeat(1f, blocks / 256 + 1)], [.. Enumerable.Repeat(1f, 256)], 256, 0, four.Map.ToArray())
            : null;
        return Operand.Of(new Weight("w", format, rows, columns, data, bytes, memory, scales));
    }
}

/// <summary>The sizes of a linear operation: token rows, inputs, the outputs of each weight, rank, the weights' format (bf16 memory when null), and
/// whether this is the head, whose gradients lie where its logits did.</summary>
internal sealed record GemmShapes(int Rows, int Inner, int[] Outputs, int Rank, BlockFormat? Format = null, bool IsHead = false);

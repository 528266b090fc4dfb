using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Tensors;

namespace Afina.Tests.Engine.Cpu.Gemm;

/// <summary>Memory, a tiny team of threads and the double-precision oracle for tests of products.</summary>
internal sealed unsafe class ProductHarness(int seed) : IDisposable
{
    private readonly Random random = new(seed);
    private readonly List<NativeBuffer> buffers = [];

    public int Next(int low, int high) => random.Next(low, high);

    /// <summary>Random memory [rows, stride] with NaN between the end of a row and its stride.</summary>
    public Matrix Random(int rows, int columns, DType type)
    {
        var stride = columns + random.Next(0, 4);
        var buffer = new NativeBuffer((long)Math.Max(1, rows) * stride * type.Bytes());
        buffers.Add(buffer);
        var matrix = new Matrix(buffer.Pointer, type, rows, columns, stride);
        for (var r = 0; r < rows; r++)
        {
            for (var c = 0; c < stride; c++)
                matrix.Set(r, c, c < columns ? (random.NextSingle() - 0.5f) * 2 : float.NaN);
        }

        return matrix;
    }

    public byte* Allocate(long bytes)
    {
        var buffer = new NativeBuffer(bytes);
        buffers.Add(buffer);
        return buffer.Pointer;
    }

    /// <summary>Binds scratch filled with NaN and runs on that many threads.</summary>
    public void Run(MatrixProduct product, int count, int threads = 1)
    {
        var stride = (product.WorkerBytes + 63) & ~63L;
        var shared = Allocate(product.SharedBytes);
        var workers = Allocate(stride * threads);
        new Span<byte>(shared, (int)product.SharedBytes).Fill(0xFF);
        new Span<byte>(workers, (int)(stride * threads)).Fill(0xFF);
        product.Bind(shared, workers, stride);
        for (var phase = 0; phase < product.Phases; phase++)
        {
            var tiles = product.Tiles(phase, count);
            var next = -1;
            void Work(int worker)
            {
                for (var tile = Interlocked.Increment(ref next); tile < tiles; tile = Interlocked.Increment(ref next))
                    product.Run(phase, tile, count, worker);
            }

            var team = Enumerable.Range(1, threads - 1).Select(w => new Thread(() => Work(w))).ToArray();
            foreach (var thread in team)
                thread.Start();
            Work(0);
            foreach (var thread in team)
                thread.Join();
        }
    }

    public void Dispose()
    {
        foreach (var buffer in buffers)
            buffer.Dispose();
    }

    public static float Rounded(float value, ComputeMode mode) => mode == ComputeMode.Bf16 ? BFloat16.ToSingle(BFloat16.FromSingle(value)) : value;

    /// <summary>All kernels of all modes that this machine runs.</summary>
    public static IEnumerable<(ComputeMode Mode, MicroKernel Kernel)> Variants() =>
        from mode in Enum.GetValues<ComputeMode>()
        from kernel in MicroKernels.Available(mode)
        select (mode, kernel);

    /// <summary>Plain memory that the tests read and write by element.</summary>
    internal readonly record struct Matrix(nint Address, DType Type, int Rows, int Columns, int Stride)
    {
        public Matrix(void* data, DType type, int rows, int columns, int stride)
            : this((nint)data, type, rows, columns, stride)
        {
        }

        public void* Data => (void*)Address;

        public Operand Operand => Operand.Dense(Data, Type, Stride);

        public float this[int row, int column]
        {
            get
            {
                var at = (long)row * Stride + column;
                return Type == DType.F32 ? ((float*)Address)[at] : BFloat16.ToSingle(((ushort*)Address)[at]);
            }
        }

        public void Set(int row, int column, float value)
        {
            var at = (long)row * Stride + column;
            if (Type == DType.F32)
                ((float*)Address)[at] = value;
            else
                ((ushort*)Address)[at] = BFloat16.FromSingle(value);
        }

        public byte[] Bytes() => new ReadOnlySpan<byte>(Data, Rows * Stride * Type.Bytes()).ToArray();
    }
}

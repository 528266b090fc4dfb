using System.Runtime.Intrinsics;
using Afina.Engine.Cpu.Jit;
using Afina.Engine.Tensors;
using Afina.Engine.Tensors.Blocks;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>Q4_0 and Q4_1 rows with few rows of bfloat16, by emitted code.</summary>
internal sealed unsafe class EmittedQ4Dot : RowDot
{
    private static readonly Lock Emitting = new();
    private static readonly nint[] Code = new nint[2 * MaxRows];
    private static readonly NativeBuffer Tables = MakeTables();

    private readonly Weight _weight;
    private readonly bool _hasMinimum;
    private readonly int _blocks;

    public EmittedQ4Dot(Weight weight)
    {
        _weight = weight;
        _hasMinimum = weight.Format.Name == "Q4_1";
        _blocks = weight.Columns / 32;
        lock (Emitting)
        {
            for (var rows = 1; rows <= MaxRows; rows++)
            {
                if (Code[Index(rows)] == 0)
                    Code[Index(rows)] = (nint)ExecutableMemory.Publish(BlockDotEmitter.Emit(rows, _hasMinimum));
            }
        }
    }

    /// <summary>Whether emitted code may run and the system granted all of it.</summary>
    public bool Ready => Enumerable.Range(1, MaxRows).All(rows => Code[Index(rows)] != 0);

    public override long ScratchBytes => MaxRows * _blocks * (64L + 16);

    public override void Run(int first, int count, float* x, int stride, int rows, float* sums, int sumStride, byte* scratch)
    {
        var pairs = (uint*)scratch;
        var blockSums = (float*)(scratch + MaxRows * _blocks * 64L);
        for (var i = 0; i < rows; i++)
            Arrange(x + (long)i * stride, pairs + (long)i * _blocks * 16, blockSums + (long)i * _blocks * 4);
        var rowBytes = (long)_blocks * _weight.Format.BlockBytes;
        var arguments = new DotArguments
        {
            Table = Tables.Pointer + (_hasMinimum ? 64 : 0),
            Row = _weight.Data + first * rowBytes,
            RowBytes = rowBytes,
            Rows = count,
            Blocks = _blocks,
            Pairs = (byte*)pairs,
            PairStride = _blocks * 64L,
            Sums = (byte*)blockSums,
            SumStride = _blocks * 16L,
            Output = sums,
            OutputStride = (long)sumStride * sizeof(float),
        };
        ((delegate* unmanaged<DotArguments*, void>)Code[Index(rows)])(&arguments);
    }

    private int Index(int rows) => (rows - 1) * 2 + (_hasMinimum ? 1 : 0);

    /// <summary>x is rounded to bfloat16 already: pairs keep it exactly.</summary>
    private void Arrange(float* x, uint* pairs, float* blockSums)
    {
        for (var b = 0; b < _blocks; b++, x += 32, pairs += 16, blockSums += 4)
        {
            var (low, high) = (Vector512.Load(x), Vector512.Load(x + 16));
            ((low.AsUInt32() >>> 16) | (high.AsUInt32() & Vector512.Create(0xFFFF_0000u))).Store(pairs);
            Vector128.Create(0, Sum(low, high), 0, 0).Store(blockSums);
        }
    }

    /// <summary>The codes' values q - 8 (Q4_0), then q (Q4_1).</summary>
    private static NativeBuffer MakeTables()
    {
        var buffer = new NativeBuffer(128);
        for (var i = 0; i < 32; i++)
        {
            ((ushort*)buffer.Pointer)[i] = BFloat16.FromSingle(i % 16 - 8);
            ((ushort*)buffer.Pointer)[32 + i] = BFloat16.FromSingle(i % 16);
        }

        return buffer;
    }
}

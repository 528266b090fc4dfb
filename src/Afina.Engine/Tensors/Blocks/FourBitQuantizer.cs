using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Afina.Engine.Tensors.Blocks;

/// <summary>Quantizes a stream of fp32 values to NF4 or FP4 exactly as bitsandbytes does, without ever holding the whole matrix in fp32.</summary>
/// <remarks>A block's values are multiplied by 1/absmax (the short last block's are divided by absmax), and take the nearest value of the
/// map; one that lies exactly between two takes the lower. An absmax below 1e-38 counts as 1e-38 in this.</remarks>
public sealed unsafe class FourBitQuantizer
{
    private const int NestedBlock = 256;
    private const float Smallest = 1e-38f;
    private const int Chunk = 1 << 16;

    private readonly string _name;
    private readonly FourBitFormat _format;
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _blockSize;
    private readonly bool _doubleQuantization;
    private readonly NativeBuffer _codes;
    private readonly float[] _absMax;
    private readonly float[] _pending;
    private readonly byte[] _codeOfRank;
    private readonly Vector256<float>[] _thresholds;
    private long _done;
    private int _held;

    /// <summary>Whether absolute maxima take the codes that bitsandbytes 0.50's CPU library gives them, some of which are not the nearest:
    /// only to compare with values computed over a base that it quantized.</summary>
    internal bool CoarseScales { get; init; }

    /// <summary>Begins a matrix [rows, columns].</summary>
    /// <param name="name">The weight's name.</param>
    /// <param name="format"><see cref="BlockFormats.NF4"/> or <see cref="BlockFormats.FP4"/>.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="blockSize">Elements per block: a power of two from 32 to 4096.</param>
    /// <param name="doubleQuantization">Whether the absolute maxima are stored in 8 bits.</param>
    public FourBitQuantizer(string name, FourBitFormat format, int rows, int columns, int blockSize = 64, bool doubleQuantization = false)
    {
        ArgumentNullException.ThrowIfNull(format);
        if (blockSize is < 32 or > 4096 || (blockSize & (blockSize - 1)) != 0)
            throw new ArgumentOutOfRangeException(nameof(blockSize), blockSize, "must be 32, 64, 128, 256, 512, 1024, 2048 or 4096");
        (_name, _format, _rows, _columns, _blockSize, _doubleQuantization) = (name, format, rows, columns, blockSize, doubleQuantization);
        var count = (long)rows * columns;
        _codes = new NativeBuffer(format.BytesFor(count));
        _absMax = new float[(count + blockSize - 1) / blockSize];
        _pending = new float[blockSize];
        (_thresholds, _codeOfRank) = Thresholds(format.Map);
    }

    /// <summary>Quantizes a weight of any other format.</summary>
    public static Weight Quantize(Weight source, FourBitFormat format, int blockSize = 64, bool doubleQuantization = false) =>
        Quantize(source, format, blockSize, doubleQuantization, coarseScales: false);

    /// <summary>Quantizes a weight of any other format.</summary>
    internal static Weight Quantize(Weight source, FourBitFormat format, int blockSize, bool doubleQuantization, bool coarseScales)
    {
        ArgumentNullException.ThrowIfNull(source);
        var quantizer = new FourBitQuantizer(source.Name, format, source.Rows, source.Columns, blockSize, doubleQuantization) { CoarseScales = coarseScales };
        var chunk = new float[Math.Min(Chunk, source.Count)];
        for (var start = 0L; start < source.Count; start += chunk.Length)
        {
            var part = chunk.AsSpan(0, (int)Math.Min(chunk.Length, source.Count - start));
            source.Decode(start, part);
            quantizer.Append(part);
        }

        return quantizer.Finish();
    }

    /// <summary>Takes the next values, in row order.</summary>
    /// <exception cref="InvalidDataException">A value is NaN or infinite.</exception>
    public void Append(ReadOnlySpan<float> values)
    {
        if (_done + _held + values.Length > (long)_rows * _columns)
            throw new ArgumentException($"{_name} has only {(long)_rows * _columns} elements", nameof(values));
        if (_held > 0)
        {
            var taken = Math.Min(values.Length, _blockSize - _held);
            values[..taken].CopyTo(_pending.AsSpan(_held));
            _held += taken;
            values = values[taken..];
            if (_held < _blockSize)
                return;
            Block(_pending);
            _held = 0;
        }

        for (; values.Length >= _blockSize; values = values[_blockSize..])
            Block(values[.._blockSize]);
        values.CopyTo(_pending);
        _held = values.Length;
    }

    /// <summary>Ends the matrix.</summary>
    public Weight Finish()
    {
        if (_held > 0)
            Block(_pending.AsSpan(0, _held));
        _held = 0;
        if (_done != (long)_rows * _columns)
            throw new InvalidOperationException($"{_name} has {(long)_rows * _columns} elements, but only {_done} came");
        var scales = _doubleQuantization ? Nest() : BlockScales.Plain(_blockSize, _absMax, _format.Map.ToArray());
        return new Weight(_name, _format, _rows, _columns, _codes.Pointer, _codes.Length, _codes, scales);
    }

    private void Block(ReadOnlySpan<float> x)
    {
        var largest = Largest(x);
        if (!float.IsFinite(largest))
            throw new InvalidDataException($"tensor '{_name}' has a value that is no finite number in elements {_done}..{_done + x.Length - 1}; it cannot be quantized");
        _absMax[_done / _blockSize] = largest;
        var whole = x.Length == _blockSize;
        var divisor = MathF.Max(largest, Smallest);
        var to = _codes.Pointer + _done / 2;
        if (whole)
            Whole(x, 1 / divisor, to);
        else
            Tail(x, divisor, to);
        _done += x.Length;
    }

    // NaN and infinity have the largest bits of all, so they come out as the result.
    private static float Largest(ReadOnlySpan<float> x)
    {
        var bits = MemoryMarshal.Cast<float, int>(x);
        var largest = Vector256<int>.Zero;
        var i = 0;
        for (; i <= bits.Length - 8; i += 8)
            largest = Vector256.Max(largest, Vector256.Create(bits.Slice(i, 8)) & Vector256.Create(0x7FFF_FFFF));
        var most = 0;
        for (var lane = 0; lane < 8; lane++)
            most = Math.Max(most, largest[lane]);
        for (; i < bits.Length; i++)
            most = Math.Max(most, bits[i] & 0x7FFF_FFFF);
        return BitConverter.Int32BitsToSingle(most);
    }

    private void Whole(ReadOnlySpan<float> x, float inverse, byte* to)
    {
        var scale = Vector256.Create(inverse);
        var codeOfRank = Vector128.Create(_codeOfRank, 0);
        for (var i = 0; i < x.Length; i += 16, to += 8)
        {
            var first = Vector256.Create(x.Slice(i, 8)) * scale;
            var second = Vector256.Create(x.Slice(i + 8, 8)) * scale;
            var (firstRank, secondRank) = (Vector256<int>.Zero, Vector256<int>.Zero);
            foreach (var threshold in _thresholds)
            {
                firstRank -= Vector256.GreaterThan(first, threshold).AsInt32();
                secondRank -= Vector256.GreaterThan(second, threshold).AsInt32();
            }

            var ranks = Vector256.Narrow(firstRank, secondRank);
            var codes = Vector128.Shuffle(codeOfRank, Vector128.Narrow(ranks.GetLower(), ranks.GetUpper()).AsByte()).AsUInt16();
            var pairs = ((codes << 4) | (codes >>> 8)) & Vector128.Create((ushort)0xFF);
            *(ulong*)to = Vector128.Narrow(pairs, pairs).AsUInt64().ToScalar();
        }
    }

    private void Tail(ReadOnlySpan<float> x, float divisor, byte* to)
    {
        for (var i = 0; i < x.Length; i += 2)
        {
            var second = i + 1 < x.Length ? Code(x[i + 1] / divisor) : _codeOfRank[^1];
            *to++ = (byte)((Code(x[i] / divisor) << 4) | second);
        }
    }

    private byte Code(float scaled)
    {
        var rank = 0;
        foreach (var threshold in _thresholds)
            rank += scaled > threshold[0] ? 1 : 0;
        return _codeOfRank[rank];
    }

    // The values in ascending order, the points halfway between neighbours, and last the code of zero, which fills up an odd count. FP4 has
    // two zeros: numbers below zero take the negative one.
    private static (Vector256<float>[] Thresholds, byte[] CodeOfRank) Thresholds(ReadOnlySpan<float> map)
    {
        var values = map.ToArray();
        var codes = Enumerable.Range(0, values.Length).OrderBy(code => values[code]).ThenByDescending(code => code).ToArray();
        var thresholds = new Vector256<float>[codes.Length - 1];
        for (var i = 0; i < thresholds.Length; i++)
        {
            var (below, above) = (values[codes[i]], values[codes[i + 1]]);
            thresholds[i] = Vector256.Create(below == above ? -float.Epsilon : (below + above) / 2);
        }

        return (thresholds, [.. codes.Select(code => (byte)code), (byte)Array.IndexOf(values, 0f)]);
    }

    private BlockScales Nest()
    {
        var offset = TorchSum.Of(_absMax) / Math.Max(1, _absMax.Length);
        var centred = new float[_absMax.Length];
        for (var i = 0; i < centred.Length; i++)
            centred[i] = _absMax[i] - offset;
        var codes = new byte[centred.Length];
        var nested = new float[(centred.Length + NestedBlock - 1) / NestedBlock];
        if (CoarseScales)
            DynamicMap.Signed.QuantizeCoarsely(centred, NestedBlock, codes, nested);
        else
            DynamicMap.Signed.Quantize(centred, NestedBlock, codes, nested);
        return new BlockScales(_blockSize, null, codes, nested, DynamicMap.Signed.ToArray(), NestedBlock, offset, _format.Map.ToArray());
    }
}

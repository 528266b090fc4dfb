using System.Globalization;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Tensors;

public sealed class NativeBufferTests
{
    private const int Size = 24 << 20;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData((1 << 20) - 1)]
    [InlineData(1 << 20)]
    [InlineData((5 << 20) + 3)]
    public unsafe void A_buffer_is_aligned_zeroed_and_as_long_as_was_asked_for(int bytes)
    {
        using var buffer = new NativeBuffer(bytes);

        Assert.Equal(0, (long)buffer.Pointer % 64);
        Assert.Equal(-1, buffer.Span<byte>(bytes).IndexOfAnyExcept((byte)0));
        buffer.Span<byte>(bytes).Fill(7);
    }

    [Fact]
    public void Memory_of_a_large_buffer_counts_from_the_start_and_leaves_the_process_when_freed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SKIPPED: reads /proc");

        // Sizes that the C library's allocator keeps once one of them was freed.
        new NativeBuffer(Size).Dispose();
        var before = Resident();
        var buffers = Enumerable.Range(0, 12).Select(_ => new NativeBuffer(Size)).ToList();
        var between = Resident();
        buffers.ForEach(buffer => buffer.Dispose());

        Assert.InRange(between - before, 8 * Size, long.MaxValue);
        Assert.InRange(between - Resident(), 8 * Size, long.MaxValue);
    }

    private static long Resident() => long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}

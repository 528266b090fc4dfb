using System.Buffers;
using Afina.Engine.Tensors;

namespace Afina.Adapters;

/// <summary>Floats outside the managed heap as memory, so that writing them needs no copy.</summary>
internal sealed class NativeFloats(NativeBuffer buffer, int count) : MemoryManager<float>
{
    public override Span<float> GetSpan() => buffer.Span<float>(count);

    public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException("native memory does not move");

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}

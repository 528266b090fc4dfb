using System.Runtime.InteropServices;

namespace Afina.Engine.Cpu.Gemm;

/// <summary>A stretch of the inner dimension: where its part of the left group and of the right panel begin, and its length.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelSegment
{
    /// <summary>Bytes from the group's start to its left elements [steps][rows]; where rows are read in place
    /// (<see cref="MicroKernel.RunDirect"/>) the address of the first row, which the kernel advances past the rows it read.</summary>
    public long LeftOffset;

    /// <summary>Bytes from one left row to the next where rows are read in place.</summary>
    public long LeftRowStride;

    /// <summary>Right elements [steps][width].</summary>
    public byte* Right;

    /// <summary>Steps: elements in fp32 panels, pairs in bfloat16 panels. Zero is allowed.</summary>
    public long Steps;
}

/// <summary>What a microkernel is called with; emitted code reads the fields by their offsets.</summary>
/// <remarks>For each of <see cref="Groups"/> groups of rows: tile[rows, width] (+)= sum over the segments of left * right.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelArguments
{
    /// <summary>The first group's packed rows.</summary>
    public byte* Left;

    /// <summary>Bytes from one group to the next.</summary>
    public long LeftStride;

    /// <summary>The stretches of the inner dimension.</summary>
    public KernelSegment* Segments;

    /// <summary>How many (at least one).</summary>
    public long SegmentCount;

    /// <summary>The first group's sums.</summary>
    public float* Tile;

    /// <summary>Bytes from one row of sums to the next.</summary>
    public long TileStride;

    /// <summary>Groups (at least one).</summary>
    public long Groups;

    /// <summary>1: add to the sums that are there; 0: write over them.</summary>
    public long Accumulate;

    /// <summary>Where finished values go instead of <see cref="Tile"/> (which sums are still taken from when accumulating); null while sums
    /// are not finished. Only for kernels that <see cref="MicroKernel.StoresOutputs"/>, which advance it past the rows they wrote.</summary>
    public byte* Output;

    /// <summary>Bytes from one row of the output to the next.</summary>
    public long OutputStride;

    /// <summary>1: the output and the residual are bfloat16; 0: fp32.</summary>
    public long OutputIsBf16;

    /// <summary>Added to the sums before they are stored, of the output's type, perhaps the output itself; or null. Advanced like it.</summary>
    public byte* Residual;

    /// <summary>Bytes from one row of the residual to the next.</summary>
    public long ResidualStride;

    /// <summary>What is packed next; the kernel advances it past the lines it asked for.</summary>
    public LinesAhead Ahead;
}

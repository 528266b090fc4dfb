namespace Afina.Engine.Cpu.Gemm;

/// <summary>A stretch of one left operand's inner dimension inside a chunk.</summary>
/// <param name="Left">Index of the left operand.</param>
/// <param name="Inner">Its first inner element.</param>
/// <param name="Count">Elements.</param>
/// <param name="Step">Where it begins in each packed group of the chunk, in steps.</param>
internal sealed record Piece(int Left, int Inner, int Count, int Step);

/// <summary>What is packed at a time from the left operands: bounds the shared scratch for any inner dimension.</summary>
internal sealed record Chunk(Piece[] Pieces, int Steps);

/// <summary>A stretch of one term inside a pass; it lies inside one piece of the chunk.</summary>
/// <param name="Term">Index of the term.</param>
/// <param name="Inner">Its first inner element.</param>
/// <param name="Count">Elements.</param>
/// <param name="LeftStep">Where its left elements begin in each packed group.</param>
/// <param name="RightStep">Where its right elements begin in the panel.</param>
internal sealed record Segment(int Term, int Inner, int Count, int LeftStep, int RightStep);

/// <summary>What one right panel holds at a time: bounds a worker's scratch, keeps the panel in the second cache.</summary>
internal sealed record Pass(Segment[] Segments, int Steps);

/// <summary>Cuts a product's inner dimensions into chunks and passes by constants, so that sums are always added in the same order.</summary>
internal static class ProductPlan
{
    /// <summary>Inner elements of a chunk; a multiple of every block format's block. Packed they are 4 MB of bfloat16 with 512 rows, 16 MB with
    /// the most that a block has: a shared cache holds them.</summary>
    public const int ChunkElements = 4096;

    /// <summary>Inner elements of a pass; a multiple of every block format's block.</summary>
    public const int PassElements = 1024;

    /// <summary>Inner elements of a pass of fp32 products.</summary>
    public const int Fp32PassElements = 256;

    /// <summary>A rest (a low-rank term) up to this long joins what came before instead of making a chunk or a pass of its own.</summary>
    public const int Slack = 256;

    /// <summary>The chunks of the left operands, one after the other.</summary>
    public static Chunk[] Chunks(IReadOnlyList<ProductLeft> lefts, int stepElements)
    {
        var chunks = new List<Chunk>();
        var pieces = new List<Piece>();
        int elements = 0, steps = 0;
        for (var l = 0; l < lefts.Count; l++)
        {
            for (var k = 0; k < lefts[l].Inner; k += ChunkElements)
            {
                var count = Math.Min(ChunkElements, lefts[l].Inner - k);
                if (elements > 0 && elements + count > ChunkElements + Slack)
                {
                    chunks.Add(new Chunk([.. pieces], steps));
                    pieces.Clear();
                    elements = steps = 0;
                }

                pieces.Add(new Piece(l, k, count, steps));
                elements += count;
                steps += (count + stepElements - 1) / stepElements;
            }
        }

        chunks.Add(new Chunk([.. pieces], steps));
        return [.. chunks];
    }

    /// <summary>The passes of one output over one chunk; none when it names none of the chunk's pieces.</summary>
    public static Pass[] Passes(Chunk chunk, IReadOnlyList<ProductTerm> terms, int stepElements)
    {
        var passes = new List<Pass>();
        var segments = new List<Segment>();
        int elements = 0, steps = 0;
        // Each pass has sums of its own: in fp32 short chains of sums keep the digits that long ones lose.
        var most = stepElements == 1 ? Fp32PassElements : PassElements;
        foreach (var piece in chunk.Pieces)
        {
            for (var t = 0; t < terms.Count; t++)
            {
                if (terms[t].Left != piece.Left)
                    continue;
                for (var k = 0; k < piece.Count; k += most)
                {
                    var count = Math.Min(most, piece.Count - k);
                    if (elements > 0 && elements + count > most + Math.Min(Slack, most / 4))
                    {
                        passes.Add(new Pass([.. segments], steps));
                        segments.Clear();
                        elements = steps = 0;
                    }

                    segments.Add(new Segment(t, piece.Inner + k, count, piece.Step + k / stepElements, steps));
                    elements += count;
                    steps += (count + stepElements - 1) / stepElements;
                }
            }
        }

        if (segments.Count > 0)
            passes.Add(new Pass([.. segments], steps));
        return [.. passes];
    }
}

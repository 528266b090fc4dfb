using Afina.Engine.Ops;

namespace Afina.Data.Packing;

/// <summary>Rows that run together, without padding: segments see their own earlier rows and those of their parents, nothing else.</summary>
/// <param name="Tokens">The input token of each row.</param>
/// <param name="Segments">Cover every row once; a parent comes before its children.</param>
/// <param name="Targets">What the rows predict, by row; a row may have none or several.</param>
/// <param name="Owners">For each target the number of the sequence that asked for it.</param>
/// <param name="Sequences">The numbers of the sequences in this micro-batch.</param>
public sealed record MicroBatch(int[] Tokens, Segment[] Segments, Target[] Targets, int[] Owners, int[] Sequences);

/// <summary>What one micro-step holds.</summary>
/// <param name="Rows">Rows.</param>
/// <param name="SharedPrefix">The fewest tokens in common for which a prefix is computed once, as a parent segment; 0 never shares.</param>
/// <param name="Targets">Targets.</param>
/// <param name="Segments">Segments.</param>
public sealed record PackingLimits(int Rows, int SharedPrefix = 16, int Targets = int.MaxValue, int Segments = int.MaxValue);

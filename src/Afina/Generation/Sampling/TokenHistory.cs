namespace Afina.Generation.Sampling;

/// <summary>The tokens of one sequence so far; the first <paramref name="promptLength"/> of them were given, the others chosen.</summary>
internal readonly ref struct TokenHistory(ReadOnlySpan<int> tokens, int promptLength)
{
    public ReadOnlySpan<int> Tokens { get; } = tokens;
    public int PromptLength { get; } = promptLength;
    public int Length => Tokens.Length;
    public int New => Tokens.Length - PromptLength;
    public ReadOnlySpan<int> Answer => Tokens[Math.Min(PromptLength, Tokens.Length)..];
}

namespace Afina.Data;

/// <summary>A prompt with an answer that is preferred and one that is not.</summary>
/// <param name="Prompt">The prompt's tokens.</param>
/// <param name="Chosen">The preferred answer's.</param>
/// <param name="Rejected">The other answer's.</param>
/// <param name="File">The file that the row came from.</param>
/// <param name="Line">Its line.</param>
public sealed record PreferenceExample(int[] Prompt, int[] Chosen, int[] Rejected, string File, int Line)
{
    /// <summary>Prompt and chosen, prompt and rejected answer, each cut for itself; the answers' tokens are labelled.</summary>
    public (TokenizedExample Chosen, TokenizedExample Rejected) Sides(int? maxLength, bool keepEnd) =>
        (Side(Prompt, Chosen, File, Line).Cut(maxLength, keepEnd), Side(Prompt, Rejected, File, Line).Cut(maxLength, keepEnd));

    internal static TokenizedExample Side(int[] prompt, int[] answer, string file, int line)
    {
        int[] labels = [.. prompt, .. answer];
        labels.AsSpan(0, prompt.Length).Fill(TokenizedExample.NotTrained);
        return new TokenizedExample([.. prompt, .. answer], labels, file, line);
    }
}

/// <summary>A prompt with an answer that is wanted or not (KTO).</summary>
/// <param name="Prompt">The prompt's tokens.</param>
/// <param name="Completion">The answer's.</param>
/// <param name="Label">Whether it is wanted.</param>
/// <param name="Mismatched">The answer of another row of its batch, to estimate how far the policy has moved; null where the loss needs none.</param>
/// <param name="File">The file that the row came from.</param>
/// <param name="Line">Its line.</param>
public sealed record UnpairedExample(int[] Prompt, int[] Completion, bool Label, int[]? Mismatched, string File, int Line)
{
    /// <summary>Prompt and answer, cut at the end; the answer's tokens are labelled.</summary>
    public TokenizedExample Matched(int? maxLength) => PreferenceExample.Side(Prompt, Completion, File, Line).Cut(maxLength, keepEnd: false);

    /// <summary>Prompt and the other row's answer, likewise.</summary>
    public TokenizedExample? Mixed(int? maxLength) =>
        Mismatched is null ? null : PreferenceExample.Side(Prompt, Mismatched, File, Line).Cut(maxLength, keepEnd: false);
}

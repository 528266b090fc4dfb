using System.Text;
using Afina.Text.Tokenizers;

namespace Afina.Data;

/// <summary>A stretch of an example's text.</summary>
/// <param name="Text">The text, special tokens with it.</param>
/// <param name="Trained">Whether its tokens have a loss.</param>
/// <param name="Tokens">How many tokens it has.</param>
public sealed record ExampleStretch(string Text, bool Trained, int Tokens);

/// <summary>Shows what a run trains on.</summary>
public static class ExampleText
{
    /// <summary>The text of an example, cut where training begins and ends; together the stretches are its whole text.</summary>
    public static IReadOnlyList<ExampleStretch> Of(TokenizedExample example, Tokenizer tokenizer)
    {
        var stretches = new List<ExampleStretch>();
        var text = new StringBuilder();
        var decoder = tokenizer.CreateDetokenizer(skipSpecialTokens: false);
        var from = 0;
        for (var i = 0; i <= example.Tokens.Length; i++)
        {
            if (i > from && (i == example.Tokens.Length || IsTrained(example, i) != IsTrained(example, from)))
            {
                if (i == example.Tokens.Length)
                    text.Append(decoder.Flush());
                stretches.Add(new ExampleStretch(text.ToString(), IsTrained(example, from), i - from));
                text.Clear();
                from = i;
            }

            if (i < example.Tokens.Length)
                text.Append(decoder.Add(example.Tokens[i]));
        }

        return stretches;
    }

    // The first token of an example is never predicted.
    private static bool IsTrained(TokenizedExample example, int token) => token > 0 && example.Labels[token] != TokenizedExample.NotTrained;
}

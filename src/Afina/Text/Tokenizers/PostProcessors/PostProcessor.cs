using System.Text.Json;

namespace Afina.Text.Tokenizers.PostProcessors;

/// <summary>A step after the model: adds special tokens, trims spans.</summary>
internal abstract class PostProcessor
{
    /// <summary>How many tokens the step adds to a text.</summary>
    public virtual int Added => 0;

    /// <summary>Changes the tokens in place.</summary>
    public abstract void Apply(List<TokenSpan> tokens, bool addSpecialTokens, Func<int, string?> spelling);

    /// <summary>Reads the component. Throws <see cref="InvalidDataException"/> for one that is unknown or not valid.</summary>
    public static PostProcessor Read(JsonElement json) => json.Text("type") switch
    {
        "Sequence" => new SequencePostProcessor([.. json.Items("processors").Select(Read)]),
        "TemplateProcessing" => TemplatePostProcessor.Read(json),
        "ByteLevel" => new SpaceTrimmer(json.Flag("trim_offsets", true), json.Flag("add_prefix_space", true)),
        "RobertaProcessing" => new SequencePostProcessor(
        [
            new SpaceTrimmer(json.Flag("trim_offsets", true), json.Flag("add_prefix_space", true)),
            new TemplatePostProcessor([Pair(json, "cls")], [Pair(json, "sep")]),
        ]),
        "BertProcessing" => new TemplatePostProcessor([Pair(json, "cls")], [Pair(json, "sep")]),
        var other => throw new InvalidDataException($"unknown post-processor \"{other}\""),
    };

    private static int Pair(JsonElement json, string name)
    {
        var pair = json.Required(name);
        return pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2 && pair[1].TryGetInt32Number(out var id) && id >= 0
            ? id
            : throw new InvalidDataException($"{json.TypeName()}: \"{name}\" must be [token, id]");
    }
}

/// <summary>Steps in order.</summary>
internal sealed class SequencePostProcessor(IReadOnlyList<PostProcessor> steps) : PostProcessor
{
    public override int Added => steps.Sum(step => step.Added);

    public override void Apply(List<TokenSpan> tokens, bool addSpecialTokens, Func<int, string?> spelling)
    {
        foreach (var step in steps)
            step.Apply(tokens, addSpecialTokens, spelling);
    }
}

/// <summary>Takes the spaces at the ends of a token out of its span.</summary>
internal sealed class SpaceTrimmer(bool trim, bool addPrefixSpace) : PostProcessor
{
    public override void Apply(List<TokenSpan> tokens, bool addSpecialTokens, Func<int, string?> spelling)
    {
        for (var i = 0; trim && i < tokens.Count; i++)
        {
            var token = tokens[i];
            var text = token.Value ?? spelling(token.Id) ?? "";
            var leading = 0;
            while (leading < text.Length && IsSpace(text[leading]))
                leading++;
            var trailing = 0;
            while (trailing < text.Length && IsSpace(text[^(trailing + 1)]))
                trailing++;
            var (start, end) = (token.Start, token.End);
            // A single space in front of the text was put there and is in no span.
            if (leading == 1 && addPrefixSpace && (i == 0 || start == 0))
                leading = 0;
            if (leading > 0)
                start = Math.Min(start + leading, end);
            if (trailing > 0 && end >= trailing)
                end = Math.Max(end - trailing, start);
            tokens[i] = token with { Start = start, End = end };
        }
    }

    private static bool IsSpace(char c) => c == ByteAlphabet.Space || char.IsWhiteSpace(c);
}

/// <summary>Puts special tokens before and after the text.</summary>
internal sealed class TemplatePostProcessor(IReadOnlyList<int> before, IReadOnlyList<int> after) : PostProcessor
{
    private const int TemplateLimit = 1000;

    public override int Added => before.Count + after.Count;

    public static new TemplatePostProcessor Read(JsonElement json)
    {
        var before = new List<int>();
        var after = new List<int>();
        var passed = false;
        foreach (var item in json.Items("single"))
        {
            if (item.Optional("Sequence") is not null)
            {
                passed = !passed ? true : throw new InvalidDataException("TemplateProcessing: \"single\" has the text more than once, which is not supported");
                continue;
            }

            var name = (item.Optional("SpecialToken") ?? throw new InvalidDataException("TemplateProcessing: an item is neither \"Sequence\" nor \"SpecialToken\"")).Text("id");
            var token = json.Optional("special_tokens")?.Optional(name) ?? throw new InvalidDataException($"TemplateProcessing: \"special_tokens\" lacks \"{name}\"");
            foreach (var id in token.Items("ids"))
            {
                (passed ? after : before).Add(id.TryGetInt32Number(out var number) && number >= 0
                    ? number
                    : throw new InvalidDataException($"TemplateProcessing: \"{name}\" has an id that is not a whole number from 0"));
            }
        }

        if (before.Count + after.Count > TemplateLimit)
            throw new InvalidDataException($"TemplateProcessing: more than {TemplateLimit} special tokens");
        return new TemplatePostProcessor(before, after);
    }

    public override void Apply(List<TokenSpan> tokens, bool addSpecialTokens, Func<int, string?> spelling)
    {
        if (!addSpecialTokens)
            return;
        tokens.InsertRange(0, before.Select(id => new TokenSpan(id, 0, 0)));
        tokens.AddRange(after.Select(id => new TokenSpan(id, 0, 0)));
    }
}

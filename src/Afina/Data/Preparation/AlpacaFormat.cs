using System.Text.Json.Nodes;

namespace Afina.Data.Preparation;

/// <summary>How an instruction row is written as text: {instruction}, {input} and {output} are replaced.</summary>
/// <param name="WithInput">Where the row has an input that is not empty.</param>
/// <param name="WithoutInput">Where it has none.</param>
public sealed record AlpacaFormat(string WithInput, string WithoutInput)
{
    /// <summary>The words of the Alpaca data set.</summary>
    public static AlpacaFormat Default { get; } = new(
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n{output}",
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Response:\n{output}");

    /// <summary>The row's text before its answer, and from the answer on.</summary>
    internal (string Prompt, string Answer) Split(Row row)
    {
        var (instruction, input, output) = Columns(row);
        var format = input.Length > 0 ? WithInput : WithoutInput;
        var cut = format.LastIndexOf("{output}", StringComparison.Ordinal);
        if (cut < 0)
            cut = format.Length;
        string Fill(string part) => part.Replace("{instruction}", "\0i\0").Replace("{input}", "\0n\0").Replace("{output}", output)
            .Replace("\0i\0", instruction).Replace("\0n\0", input);
        return (Fill(format[..cut]), Fill(format[cut..]));
    }

    /// <summary>The columns of an instruction row.</summary>
    internal static (string Instruction, string Input, string Output) Columns(Row row)
    {
        string Text(string name, string other, bool needed)
        {
            var value = row.Columns[name] ?? row.Columns[other];
            if (value is JsonValue text && text.TryGetValue<string>(out var found))
                return found;
            if (value is not null || needed)
                throw row.Refuse($"column '{name}' must be a text");
            return "";
        }

        return (Text("instruction", "instruction", needed: true), Text("input", "context", needed: false), Text("output", "response", needed: true));
    }
}

using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace Afina.Tests.Data;

/// <summary>The sample rows keep what their READMEs promise, so that a held-out figure of the quickstart means something.</summary>
public sealed partial class QuickstartRowsTests
{
    private const double NearDuplicate = 0.6;

    private static readonly string[] Intents =
    [
        "cancel_order", "change_address", "damaged_item", "invoice_copy", "payment_failed",
        "product_question", "refund_status", "return_item", "track_parcel", "warranty_repair",
    ];

    [Theory]
    [InlineData("train.jsonl", 30)]
    [InlineData("valid.jsonl", 10)]
    public void Every_intent_has_the_same_number_of_rows(string file, int each)
    {
        var counts = Support(file).CountBy(row => row.Completion).OrderBy(pair => pair.Key, StringComparer.Ordinal);

        Assert.Equal(Intents.Select(intent => KeyValuePair.Create(" " + intent, each)), counts);
    }

    [Theory]
    [InlineData("train.jsonl")]
    [InlineData("valid.jsonl")]
    public void All_rows_share_one_instruction_that_lists_the_intents(string file)
    {
        var instruction = Assert.Single(Support(file).Select(row => row.Instruction).Distinct());

        Assert.Contains(string.Join(", ", Intents), instruction);
        Assert.All(Support(file), row => Assert.EndsWith("\nIntent:", row.Prompt));
    }

    [Fact]
    public void No_message_occurs_twice_not_even_with_other_marks_or_case()
    {
        var messages = Support("train.jsonl").Concat(Support("valid.jsonl")).Select(row => string.Join(' ', Words(row.Message))).ToList();

        Assert.Equal(400, messages.Count);
        Assert.Empty(messages.GroupBy(message => message).Where(group => group.Count() > 1).Select(group => group.Key));
        Assert.All(messages, message => Assert.NotEmpty(message));
    }

    [Fact]
    public void No_held_out_message_is_nearly_a_training_message()
    {
        var training = Support("train.jsonl").Select(row => (row.Message, Words: Words(row.Message).ToHashSet())).ToList();
        var leaks =
            from held in Support("valid.jsonl").Select(row => (row.Message, Words: Words(row.Message).ToHashSet()))
            from trained in training
            let common = held.Words.Count(trained.Words.Contains)
            where common >= NearDuplicate * (held.Words.Count + trained.Words.Count - common)
            select $"{held.Message} ~ {trained.Message}";

        Assert.Empty(leaks);
    }

    [Theory]
    [InlineData("train.jsonl")]
    [InlineData("valid.jsonl")]
    public void The_intents_are_shuffled(string file)
    {
        var rows = Support(file);
        var repeats = rows.Zip(rows.Skip(1)).Count(pair => pair.First.Completion == pair.Second.Completion);

        Assert.True(repeats < rows.Count / 4, $"{repeats} of {rows.Count} rows follow a row of their own intent");
    }

    [Fact]
    public void The_first_rows_are_forty_questions_answered_in_one_shape()
    {
        var rows = Lines("first/rows.jsonl").Select(Read).ToList();

        Assert.Equal(40, rows.Select(row => row.Prompt).Distinct().Count());
        Assert.Equal(40, rows.Count);
        Assert.All(rows, row => Assert.Matches(@"^Customer: .+\nLarch & Volt:$", row.Prompt));
        Assert.All(rows, row => Assert.Matches("^ In short: .+ Good to know: .+\\.$", row.Completion));
    }

    [Fact]
    public void The_first_conversations_take_turns_and_some_have_several()
    {
        var conversations = Lines("first/chat.jsonl")
            .Select(line => line.GetProperty("messages").EnumerateArray().Select(turn => turn.GetProperty("role").GetString()).ToList())
            .ToList();

        Assert.Equal(12, conversations.Count);
        Assert.Contains(conversations, roles => roles.Count > 3);
        Assert.All(conversations, roles =>
        {
            Assert.Equal("system", roles[0]);
            Assert.Equal(1, roles.Count % 2);
            Assert.All(roles.Skip(1).Chunk(2), pair => Assert.Equal(["user", "assistant"], pair));
        });
    }

    private static List<Row> Support(string file) => [.. Lines($"support/{file}").Select(Read)];

    private static Row Read(JsonElement line)
    {
        Assert.Equal(["prompt", "completion"], line.EnumerateObject().Select(property => property.Name));
        return new Row(line.GetProperty("prompt").GetString()!, line.GetProperty("completion").GetString()!);
    }

    private static IEnumerable<JsonElement> Lines(string file) =>
        File.ReadLines(Path.Combine(Checkout.Root, "samples", "data", file)).Select(line => JsonDocument.Parse(line).RootElement);

    private static IEnumerable<string> Words(string text) => Word().Matches(text.ToLowerInvariant()).Select(match => match.Value);

    [GeneratedRegex(@"[\p{L}\p{N}]+")]
    private static partial Regex Word();

    private sealed record Row(string Prompt, string Completion)
    {
        private const string Mark = "Message: ";

        public string Instruction => Prompt[..(Prompt.IndexOf(Mark, StringComparison.Ordinal) + Mark.Length)];

        public string Message => Prompt[Instruction.Length..Prompt.LastIndexOf("\nIntent:", StringComparison.Ordinal)];
    }
}

using System.Text;
using System.Text.Json.Nodes;
using Afina.Data;
using Afina.Data.Preparation;
using CsCheck;
using Xunit;

namespace Afina.Tests.Data;

public sealed class PreparationTests
{
    /// <summary>One token per character, and one each for the special texts; "ab" is a token of its own.</summary>
    private sealed class CharacterEncoder : RowEncoder
    {
        private static readonly (string Text, int Token)[] Special = [("<s>", 1), ("</s>", 2), ("<|end|>", 3), ("ab", 500)];

        public bool EndsTurns { get; init; } = true;

        public override string EndText => "</s>";

        public override int? BeginToken => 1;

        public override bool HasTemplate => true;

        public override bool HasGeneration => true;

        public override int VocabularySize => 1000;

        public override int[] Encode(string text) => [1, .. Tokens(text).Select(token => token.Token)];

        public override bool IsSpecial(int token) => token is > 0 and < 10;

        public override EncodedChat Encode(ChatRequest chat)
        {
            var text = new StringBuilder(chat.Tools is null ? "" : $"[tools]{chat.Tools.ToJsonString()}<|end|>");
            var spans = new List<(int, int)>();
            foreach (var message in chat.Messages)
            {
                text.Append($"[{message!["role"]}]");
                var start = text.Length;
                text.Append(message["content"]).Append(EndsTurns ? "<|end|>" : "");
                if (message["role"]!.GetValue<string>() == "assistant")
                    spans.Add((start, text.Length));
                text.Append('\n');
            }

            if (chat.AddGenerationPrompt)
                text.Append("[assistant]");
            var tokens = Tokens(text.ToString());
            return new EncodedChat([.. tokens.Select(token => token.Token)], [.. tokens.Select(token => (token.Start, token.End))], spans);
        }

        public static string Show(TokenizedExample example) => string.Concat(example.Tokens.Zip(example.Labels, (token, label) =>
        {
            var text = Special.FirstOrDefault(special => special.Token == token).Text ?? ((char)token).ToString();
            return label == TokenizedExample.NotTrained ? text.ToUpperInvariant() : text;
        }));

        private static List<(int Token, int Start, int End)> Tokens(string text)
        {
            var tokens = new List<(int, int, int)>();
            for (var i = 0; i < text.Length;)
            {
                var special = Special.FirstOrDefault(candidate => text.AsSpan(i).StartsWith(candidate.Text));
                var length = special.Text?.Length ?? 1;
                tokens.Add((special.Text is null ? text[i] : special.Token, i, i + length));
                i += length;
            }

            return tokens;
        }
    }

    private readonly List<Finding> _findings = [];

    private static Row[] Rows(params string[] rows) => [.. rows.Select((row, i) => new Row(JsonNode.Parse(row)!.AsObject(), "a.jsonl", i + 1))];

    private string[] Shown(PreparationOptions options, params string[] rows) =>
        [.. new SupervisedPreparation(new CharacterEncoder(), options).Prepare(Rows(rows), null, _findings).Select(example => example is null ? "dropped" : CharacterEncoder.Show(example))];

    private string Refusal(params string[] rows) => Assert.Throws<InvalidDataException>(() => Shown(new PreparationOptions(), rows)).Message;

    [Fact]
    public void Rows_of_several_formats_may_stand_together_and_train_their_answers() => Assert.Equal(
        [
            "<S>Qab</s>", "<s>text</s>", "[USER]HI<|END|>\n[ASSISTANT]yo<|end|>\n", "[USER]HI<|END|>\n[ASSISTANT]yo<|end|>\n", "[USER]DO\n\nIT<|END|>\n[ASSISTANT]ok<|end|>\n",
            "[USER]Q<|END|>\n[ASSISTANT]a<|end|>\n",
        ],
        Shown(new PreparationOptions(),
            """{"prompt": "q", "completion": "ab"}""",
            """{"text": "text</s>"}""",
            """{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}""",
            """{"conversations": [{"from": "human", "value": "hi"}, {"from": "GPT", "value": "yo"}]}""",
            """{"instruction": "do", "input": "it", "output": "ok"}""",
            """{"prompt": [{"role": "user", "content": "q"}], "completion": "a"}"""));

    [Fact]
    public void A_turn_that_says_so_itself_is_not_trained() => Assert.Equal(
        ["[USER]HI<|END|>\n[ASSISTANT]NO<|END|>\n[USER]AND<|END|>\n[ASSISTANT]yes<|end|>\n"],
        Shown(new PreparationOptions(), """{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "no", "weight": 0}, {"role": "user", "content": "and"}, {"role": "assistant", "content": "yes", "weight": 1}]}"""));

    [Fact]
    public void Training_on_the_inputs_too_is_a_setting() => Assert.Equal(
        ["<s>qa</s>", "[user]hi<|end|>\n[assistant]yo<|end|>\n"],
        Shown(new PreparationOptions { CompletionOnlyLoss = false },
            """{"prompt": "q", "completion": "a"}""", """{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}"""));

    [Theory]
    [InlineData("""{"messages": [{"role": "human being", "content": "x"}]}""", "a.jsonl:1: message 1 of 'messages' has the unknown role 'human being': write system, user, assistant or tool")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "  "}]}""", "a.jsonl:1: the assistant's turn is empty: delete the row or fill it")]
    [InlineData("""{"messages": [{"content": "x"}]}""", "a.jsonl:1: message 1 of 'messages' has no role")]
    [InlineData("""{"messages": [{"role": "user"}]}""", "a.jsonl:1: message 1 of 'messages' has no content")]
    [InlineData("""{"messages": [{"role": "user", "content": 5}]}""", "a.jsonl:1: message 1 of 'messages' has a content that is not text")]
    [InlineData("""{"messages": [{"role": "user", "content": [{"type": "image"}]}]}""", "a.jsonl:1: message 1 of 'messages' has a part of type 'image'")]
    [InlineData("""{"messages": []}""", "a.jsonl:1: column 'messages' has no messages")]
    [InlineData("""{"messages": "hi"}""", "a.jsonl:1: column 'messages' must be a list of messages")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}]}""", "a.jsonl:1: no token of the row was written by the assistant")]
    [InlineData("""{"question": "q", "answer": "a"}""", "a.jsonl:1: the columns (question, answer) are of no known row format")]
    [InlineData("""{"prompt": "q", "completion": null}""", "a.jsonl:1: column 'completion' is missing or null: complete or delete the row (it has prompt, completion)")]
    [InlineData("""{"prompt": "q", "chosen": "a"}""", "a.jsonl:1: column 'rejected' is missing or null")]
    [InlineData("""{"prompt": "q", "completion": " "}""", "a.jsonl:1: column 'completion' is empty")]
    [InlineData("""{"prompt": "q", "completion": 4}""", "a.jsonl:1: column 'completion' must be a text")]
    [InlineData("""{"prompt": "q", "chosen": "a", "rejected": "b"}""", "a.jsonl:1: rows with chosen and rejected answers are for preference training")]
    [InlineData("""{"prompt": "q", "completion": "a", "label": true}""", "a.jsonl:1: rows with prompt, completion and label are for kto")]
    [InlineData("""{"input_ids": [1, 2], "labels": [1]}""", "a.jsonl:1: labels has 1 numbers, but input_ids has 2")]
    [InlineData("""{"input_ids": [1, 1000]}""", "a.jsonl:1: column 'input_ids' has the token 1000, but the model's go from 0 to 999")]
    [InlineData("""{"input_ids": [1, -1]}""", "a.jsonl:1: column 'input_ids' has the token -1")]
    [InlineData("""{"input_ids": [1, 2], "labels": [-1, 2]}""", "a.jsonl:1: column 'labels' has a number")]
    [InlineData("""{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "weight": 2}]}""", "a.jsonl:1: 'weight' of an assistant's turn must be 0")]
    [InlineData("""{"input_ids": [1, "2"]}""", "a.jsonl:1: column 'input_ids' must be a list of whole numbers")]
    [InlineData("""{"input_ids": [1, 2.5]}""", "a.jsonl:1: column 'input_ids' must be a list of whole numbers")]
    public void A_row_that_cannot_be_used_is_refused_with_its_place(string row, string message) => Assert.StartsWith(message, Refusal(row));

    [Fact]
    public void A_refusal_says_how_many_rows_are_bad_and_skipping_leaves_them_out()
    {
        string[] rows = ["""{"text": "a"}""", """{"text": 1}""", """{"x": 1}"""];
        Assert.EndsWith("(2 of 3 rows; skip bad rows to leave them out)", Refusal(rows));
        Assert.Equal(["<s>a</s>", "dropped", "dropped"], Shown(new PreparationOptions { SkipBadRows = true }, rows));
        Assert.Equal("a.jsonl:2: column 'text' must be a text", _findings[0].ToString());
    }

    [Fact]
    public void The_answer_begins_where_the_tokens_of_prompt_and_both_part()
    {
        Assert.Equal(["<S>xaba</s>"], Shown(new PreparationOptions(), """{"prompt": "xa", "completion": "ba"}""").Select(s => s.Replace("X", "x")));
        Assert.Equal(FindingKind.PromptNotPrefix, Assert.Single(_findings).Kind);
    }

    [Fact]
    public void Long_rows_are_cut_with_a_finding_and_left_out_when_nothing_is_left_to_train()
    {
        Assert.Equal(["<S>QUab", "dropped", "U</s>"], [.. Shown(new PreparationOptions { MaxLength = 4 }, """{"prompt": "qu", "completion": "ab"}""", """{"prompt": "long prompt", "completion": "ab"}"""),
            .. Shown(new PreparationOptions { MaxLength = 2, KeepEnd = true, CompletionOnlyLoss = true }, """{"input_ids": [1, 85, 2], "labels": [-100, -100, 2]}""")]);
        Assert.Equal([FindingKind.Truncated, FindingKind.Truncated, FindingKind.NothingTrained, FindingKind.Truncated], _findings.Select(finding => finding.Kind));
    }

    [Fact]
    public void Longer_rows_may_be_left_out_or_refused_instead_of_cut()
    {
        var row = """{"prompt": "qu", "completion": "answer"}""";
        Assert.Equal(["dropped"], Shown(new PreparationOptions { MaxLength = 5, Excess = ExcessLength.Drop }, row));
        Assert.Equal("a.jsonl:1: 10 tokens are more than sequence_len 5: the row is left out", Assert.Single(_findings).ToString());
        Assert.StartsWith("a.jsonl:1: 10 tokens are more than sequence_len 5: raise it", Assert.Throws<InvalidDataException>(() => Shown(new PreparationOptions { MaxLength = 5, Excess = ExcessLength.Refuse }, row)).Message);
    }

    [Fact]
    public void Of_a_completion_with_several_turns_the_assistants_are_trained() => Assert.Equal(
        ["[USER]A<|END|>\n[ASSISTANT]b<|end|>\n[USER]C<|END|>\n[ASSISTANT]d<|end|>\n"],
        Shown(new PreparationOptions(), """{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}"""));

    [Fact]
    public void An_answer_whose_end_is_not_trained_a_doubled_beginning_and_a_repeated_row_are_noted()
    {
        new SupervisedPreparation(new CharacterEncoder { EndsTurns = false }, new PreparationOptions()).Prepare(
            Rows("""{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}"""), null, _findings);
        Assert.Equal(FindingKind.EndOfTurnUntrained, Assert.Single(_findings).Kind);
        _findings.Clear();
        Shown(new PreparationOptions(), """{"text": "<s>a"}""", """{"text": "b"}""", """{"text": "b"}""");
        Assert.Equal([FindingKind.DoubledBeginning, FindingKind.Duplicate], _findings.Select(finding => finding.Kind));
        Assert.Equal("a.jsonl:3: the same row as a.jsonl:2", _findings[1].ToString());
    }

    [Fact]
    public void Instruction_rows_are_written_in_alpacas_words_when_the_recipe_names_them()
    {
        var example = new SupervisedPreparation(new CharacterEncoder(), new PreparationOptions()).Prepare(Rows("""{"instruction": "{input}", "output": "ok"}"""), RowFormat.Alpaca, _findings)[0]!;
        var shown = CharacterEncoder.Show(example);
        Assert.Contains("### INSTRUCTION:\n{INPUT}\n\n### RESPONSE:\nok</s>", shown);
    }

    [Fact]
    public void Csv_columns_may_hold_conversations_tools_and_labels_as_text()
    {
        Assert.Equal(["[USER]HI<|END|>\n[ASSISTANT]yo<|end|>\n"], Shown(new PreparationOptions(),
            """{"messages": "[{\"role\": \"user\", \"content\": \"hi\"}, {\"role\": \"assistant\", \"content\": \"yo\"}]", "tools": "[]"}"""));
        Assert.True(RowFormats.Label(JsonNode.Parse("""{"label": "True"}""")!.AsObject()));
    }

    private IReadOnlyList<PreferenceExample?> Pairs(PreparationOptions options, params string[] rows) =>
        new PreferencePreparation(new CharacterEncoder(), options).Prepare(Rows(rows), null, _findings);

    [Theory]
    [InlineData("""{"chosen": "Is it? yes", "rejected": "Is it? no"}""", "<S>IS IT? yes</s>|<S>IS IT? no</s>")]
    [InlineData("""{"chosen": "yes", "rejected": "no"}""", "<S>yes</s>|<S>no</s>")]
    [InlineData("""{"chosen": "q yes", "rejected": "q yes and no"}""", "<S>Q YES</s>|<S>Q YES and no</s>")]
    [InlineData("""{"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "y"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "n"}]}""", "[USER]Q<|END|>\n[ASSISTANT]y<|end|>\n|[USER]Q<|END|>\n[ASSISTANT]n<|end|>\n")]
    [InlineData("""{"prompt": "q", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "y"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "n"}]}""", "[USER]Q<|END|>\n[ASSISTANT]y<|end|>\n|[USER]Q<|END|>\n[ASSISTANT]n<|end|>\n")]
    [InlineData("""{"input": {"messages": [{"role": "user", "content": "q"}]}, "preferred_output": [{"role": "assistant", "content": "y"}], "non_preferred_output": [{"role": "assistant", "content": "n"}]}""", "[USER]Q<|END|>\n[ASSISTANT]y<|end|>\n|[USER]Q<|END|>\n[ASSISTANT]n<|end|>\n")]
    [InlineData("""{"prompt": "q", "chosen": [{"role": "assistant", "content": "y"}], "rejected": [{"role": "assistant", "content": "n"}]}""", "[USER]Q<|END|>\n[ASSISTANT]y<|end|>\n|[USER]Q<|END|>\n[ASSISTANT]n<|end|>\n")]
    public void The_prompt_of_a_pair_is_given_or_what_both_answers_begin_with(string row, string shown)
    {
        var (chosen, rejected) = Pairs(new PreparationOptions(), row)[0]!.Sides(null, false);
        Assert.Equal(shown, CharacterEncoder.Show(chosen) + "|" + CharacterEncoder.Show(rejected));
    }

    [Fact]
    public void Equal_answers_are_noted_and_a_prompt_that_fills_the_length_is_left_out()
    {
        Assert.Null(Pairs(new PreparationOptions { MaxLength = 5 }, """{"prompt": "a long one", "chosen": "x", "rejected": "y"}""")[0]);
        Pairs(new PreparationOptions(), """{"prompt": "q", "chosen": "x", "rejected": "x"}""");
        Assert.Contains(_findings, finding => finding.Kind == FindingKind.SameAnswers);
        Assert.Contains("needs rows with chosen and rejected", Assert.Throws<InvalidDataException>(() => Pairs(new PreparationOptions(), """{"text": "x"}""")).Message);
    }

    [Fact]
    public void Pairs_are_taken_apart_for_kto_and_each_answer_gets_its_neighbours()
    {
        var prepared = new UnpairedPreparation(new CharacterEncoder(), new PreparationOptions()).Prepare(
            Rows("""{"prompt": "q", "chosen": "x", "rejected": "y"}""", """{"prompt": "r", "chosen": "z", "rejected": "w"}"""), null, _findings);
        Assert.Equal([(0, true), (1, true), (0, false), (1, false)], prepared.Select(answer => (answer.Row, answer.Example!.Label)));
        var mixed = UnpairedPreparation.Mismatch([.. prepared.Select(answer => answer.Example!)], 4);
        Assert.Equal("wxzy", string.Concat(mixed.Select(example => (char)example.Mismatched![0])));
    }

    private static readonly string[] Values =
    [
        "null", "true", "7", "-2.5", "\"\"", "\"a b\"", "\"[1\"", "[]", "{}", "[null]", "[1, 2]", "[[1]]", "[{}]",
        """[{"role": "user", "content": "q"}]""", """[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0}]""",
        """[{"role": "assistant", "content": "a"}]""", """[{"role": 5, "content": "a"}]""", """[{"from": "gpt", "value": "a"}]""", """{"messages": [{"role": "user", "content": "q"}]}""",
    ];

    private static readonly Gen<string> AnyValue = Gen.Int[0, Values.Length - 1].Select(i => Values[i]);

    [Fact]
    public void Rows_of_any_shape_are_prepared_or_refused_in_one_line()
    {
        string[] names = ["text", "prompt", "completion", "label", "messages", "conversations", "instruction", "input", "output", "chosen", "rejected", "preferred_output", "non_preferred_output", "input_ids", "labels", "assistant_masks", "tools", "chat_template_kwargs"];
        Gen.Select(Gen.Int[0, names.Length - 1].Select(i => names[i]), AnyValue).Array[1, 5].Array[1, 4].Sample(columns =>
        {
            var rows = columns.Select((row, i) => new Row(new JsonObject(row.DistinctBy(column => column.Item1).Select(column => KeyValuePair.Create(column.Item1, JsonNode.Parse(column.Item2)))), "a.jsonl", i + 1)).ToArray();
            var findings = new List<Finding>();
            var options = new PreparationOptions { SkipBadRows = true };
            new SupervisedPreparation(new CharacterEncoder(), options).Prepare(rows, null, findings);
            new PreferencePreparation(new CharacterEncoder(), options).Prepare(rows, null, findings);
            new UnpairedPreparation(new CharacterEncoder(), options).Prepare(rows, null, findings);
            Assert.All(findings, finding => Assert.DoesNotContain('\n', finding.ToString()));
            var trl = options with { Rules = PreparationRules.Trl };
            foreach (var prepare in (Action[])[() => new SupervisedPreparation(new CharacterEncoder(), trl).Prepare(rows, null, findings), () => new PreferencePreparation(new CharacterEncoder(), trl).Prepare(rows, null, findings), () => new UnpairedPreparation(new CharacterEncoder(), trl).Prepare(rows, null, findings)])
            {
                try
                {
                    prepare();
                }
                catch (InvalidDataException)
                {
                    // TRL's rules refuse the set.
                }
            }
        }, iter: 3000);
    }
}

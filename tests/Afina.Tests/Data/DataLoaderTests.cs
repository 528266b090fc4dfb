using Afina.Data;
using Afina.Data.Packing;
using Afina.Data.Preparation;
using Afina.Text.Tokenizers;
using Xunit;

namespace Afina.Tests.Data;

public sealed class DataLoaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("afina-data").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private DataSource Write(string name, params string[] rows)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllLines(path, rows);
        return new DataSource(path);
    }

    private static string[] Talks(int from, int count) =>
        [.. Enumerable.Range(from, count).Select(i => $$"""{"conversations": [{"from": "human", "value": "What is {{i}}?"}, {"from": "gpt", "value": "It is {{i}}."}]}""")];

    private static Tokenizer SmolLM() => Tokenizer.Load(Shared.Path("conformance/tokenizers/smollm2"));

    private static string Trained(Tokenizer tokenizer, TokenizedExample example) =>
        tokenizer.Decode([.. example.Labels.Where(label => label != TokenizedExample.NotTrained)]);

    [Fact]
    public void Conversations_train_the_assistants_turns_and_their_ends_though_the_template_marks_none()
    {
        var tokenizer = SmolLM();
        var data = DataLoader.Supervised(new DataRequest { Sources = [Write("a.jsonl", Talks(0, 3))] }, tokenizer);
        Assert.Equal("It is 1.<|im_end|>", Trained(tokenizer, data.Train[1]));
        Assert.EndsWith("<|im_start|>user\nWhat is 1?<|im_end|>\n<|im_start|>assistant\nIt is 1.<|im_end|>\n", tokenizer.Decode(data.Train[1].Tokens));
        Assert.Empty(data.Findings);
    }

    [Fact]
    public void What_is_trained_can_be_shown()
    {
        var tokenizer = SmolLM();
        var data = DataLoader.Supervised(new DataRequest { Sources = [Write("a.jsonl", """{"prompt": "¿Qué día es?", "completion": " Es miércoles 😀."}""")] }, tokenizer);
        Assert.Equal([("¿Qué día es?", false), (" Es miércoles 😀.<|im_end|>", true)], ExampleText.Of(data.Train[0], tokenizer).Select(stretch => (stretch.Text, stretch.Trained)));
        Assert.Equal(data.Train[0].Tokens.Length, ExampleText.Of(data.Train[0], tokenizer).Sum(stretch => stretch.Tokens));
    }

    [Fact]
    public void A_prefix_that_rows_of_a_task_share_is_computed_once()
    {
        var data = DataLoader.Supervised(new DataRequest { Sources = [new DataSource(Shared.Path("data/banking77-10/train.jsonl"))] }, SmolLM());
        var sequences = data.Order(seed: 1).Of(0).Take(32).Select(index => Sequence.Of(data.Train[index])).ToList();
        var alone = new StepPacker(new PackingLimits(2048, 0)).Pack(sequences).Sum(batch => batch.Tokens.Length);
        var shared = Assert.Single(new StepPacker(new PackingLimits(2048)).Pack(sequences)).Tokens.Length;
        Assert.True(shared * 2 < alone, $"{shared} of {alone} rows");
    }

    [Fact]
    public void Held_out_rows_are_taken_by_seed_or_from_their_own_file_and_leaks_are_named()
    {
        var tokenizer = SmolLM();
        var train = Write("a.jsonl", Talks(0, 20));
        var request = new DataRequest { Sources = [train], HeldOut = 0.25 };
        var data = DataLoader.Supervised(request, tokenizer);
        Assert.Equal((15, 5), (data.Train.Count, data.Held.Count));
        Assert.Equal(20, data.RowsRead);
        Assert.Equal(data.Held.Select(example => example.Line), DataLoader.Supervised(request, tokenizer).Held.Select(example => example.Line));

        var own = DataLoader.Supervised(request with { HeldOutSources = [Write("b.jsonl", [.. Talks(19, 3)])] }, tokenizer);
        Assert.Equal((20, 3), (own.Train.Count, own.Held.Count));
        Assert.Equal(FindingKind.Leak, Assert.Single(own.Findings).Kind);
        Assert.Contains("b.jsonl:1: the held-out row is also trained", own.Findings[0].ToString());
    }

    [Fact]
    public void Sources_keep_their_weights_types_and_column_names_and_repeated_rows_are_noted_across_files()
    {
        var tokenizer = SmolLM();
        var data = DataLoader.Supervised(new DataRequest
        {
            Sources =
            [
                Write("a.jsonl", Talks(0, 4)) with { Weight = 0.5 },
                Write("b.csv", "question,answer", "What?,That.", "Who?,She.") with { Fields = new Dictionary<string, string> { ["prompt"] = "question", ["completion"] = "answer" } },
                Write("c.jsonl", Talks(3, 1)),
            ],
        }, tokenizer);
        Assert.Equal([(4, 0.5), (2, 1), (1, 1)], data.Sources);
        Assert.Equal(5, data.Order(seed: 1).Length);
        Assert.Equal([(RowFormat.Conversations, 5), (RowFormat.PromptCompletion, 2)], data.Formats);
        Assert.Equal("She.<|im_end|>", Trained(tokenizer, data.Train[5]));
        Assert.Equal(FindingKind.Duplicate, Assert.Single(data.Findings).Kind);
        Assert.Throws<FormatException>(() => DataLoader.Supervised(new DataRequest { Sources = [Write("d.jsonl", Talks(0, 1)) with { Type = "sharegtp" }] }, tokenizer));
    }

    [Fact]
    public void The_fingerprint_changes_with_the_data_and_with_nothing_else()
    {
        var tokenizer = SmolLM();
        ulong Print(DataRequest request) => DataLoader.Supervised(request, tokenizer).Fingerprint;
        var request = new DataRequest { Sources = [Write("a.jsonl", Talks(0, 5))], Now = DateTime.UnixEpoch };
        Assert.Equal(Print(request), Print(request with { Now = DateTime.UnixEpoch.AddDays(1) }));
        Assert.NotEqual(Print(request), Print(request with { Sources = [Write("b.jsonl", Talks(1, 5))] }));
        Assert.NotEqual(Print(request), Print(request with { Preparation = new PreparationOptions { CompletionOnlyLoss = false } }));
    }

    [Fact]
    public void Preference_rows_make_pairs_and_answers()
    {
        var tokenizer = SmolLM();
        var request = new DataRequest { Sources = [Write("a.jsonl", """{"prompt": "2+2?", "chosen": " 4", "rejected": " 5"}""", """{"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "y"}], "rejected": [{"role": "assistant", "content": "n"}]}""")] };
        var pairs = DataLoader.Preference(request, tokenizer);
        Assert.Equal([" 4<|im_end|>", "y<|im_end|>\n"], pairs.Train.Select(pair => tokenizer.Decode(pair.Chosen)));
        Assert.Equal([true, true, false, false], DataLoader.Unpaired(request, tokenizer).Train.Select(answer => answer.Label));
    }

    [Fact]
    public void Files_without_a_usable_row_are_refused_in_one_line()
    {
        var tokenizer = SmolLM();
        string Refusal(DataRequest request) => Assert.Throws<InvalidDataException>(() => DataLoader.Supervised(request, tokenizer)).Message;
        var bad = Write("a.jsonl", """{"messages": [{"role": "wizard", "content": "x"}]}""");
        Assert.Contains("a.jsonl:1: message 1 of 'messages' has the unknown role 'wizard'", Refusal(new DataRequest { Sources = [bad] }));
        Assert.Contains("no row is left to train on", Refusal(new DataRequest { Sources = [bad], Preparation = new PreparationOptions { SkipBadRows = true } }));
        Assert.Contains("eos_token '<none>' is not in the model's vocabulary", Refusal(new DataRequest { Sources = [bad], EndToken = "<none>" }));
    }

    [Theory]
    [InlineData("data/banking77-10/train.jsonl", 300)]
    [InlineData("data/dolly-alpaca/train.jsonl", 548)]
    [InlineData("data/selfinstruct-sharegpt/train.jsonl", 300)]
    [InlineData("data/sgd-messages/train.jsonl", 120)]
    [InlineData("data/gsm8k/valid.messages.jsonl", 200)]
    public void Real_files_of_each_layout_are_prepared_without_a_finding_that_matters(string file, int rows)
    {
        var data = DataLoader.Supervised(new DataRequest { Sources = [new DataSource(Shared.Path(file))], Preparation = new PreparationOptions { MaxLength = 2048 } }, SmolLM());
        Assert.Equal(rows, data.Train.Count);
        Assert.DoesNotContain(data.Findings, finding => finding.Kind is not (FindingKind.Duplicate or FindingKind.Truncated));
        Assert.All(data.Train, example => Assert.InRange(example.TrainedTokens, 1, example.Tokens.Length - 1));
    }
}

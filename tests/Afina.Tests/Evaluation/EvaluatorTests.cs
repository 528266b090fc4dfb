using Afina.Data;
using Afina.Data.Packing;
using Afina.Data.Preparation;
using Afina.Engine;
using Afina.Engine.Execution;
using Afina.Engine.Tensors;
using Afina.Evaluation;
using Afina.Generation;
using Afina.Generation.Sampling;
using Xunit;

namespace Afina.Tests.Evaluation;

/// <summary>Measuring a small model of values that another program computed.</summary>
public sealed class EvaluatorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_loss_is_the_mean_over_all_tokens_that_training_would_have()
    {
        using var model = Model();
        var data = Rows(9);
        using var evaluator = new Evaluator(model, 2, bf16: false);
        var held = DataLoader.Supervised(new DataRequest { Sources = [new DataSource(data)], Preparation = new PreparationOptions { MaxLength = 2048 } }, model.Tokenizer).Train;
        using var team = new Team(1);
        var alone = held.Select(example => Scorer(model, team).Score([Sequence.Of(example)], null, default)[0]).Sum();

        var score = evaluator.Run(new EvaluationOptions { Data = data, Generate = false }).Base;

        Assert.Equal(held.Sum(example => example.TrainedTokens), score.Tokens);
        Assert.Equal(-alone / score.Tokens, score.Loss!.Value, 1e-5);
        Assert.Equal(Math.Exp(score.Loss.Value), score.Perplexity!.Value, 9);
    }

    [Fact]
    public void A_prefix_in_the_cache_changes_no_log_probability()
    {
        using var model = Model();
        using var team = new Team(2);
        var random = new Random(3);
        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(model.Decoder.Config.VocabularySize))];
        var prefix = Tokens(300);
        var sequences = Enumerable.Range(0, 5).Select(i => Sequence.OfAnswer([.. prefix, .. Tokens(3 + i)], Tokens(2))).ToList();

        var together = Scorer(model, team).Score(sequences, null, default);

        Assert.True(CommonPrefix.Shared(sequences) >= 256);
        for (var i = 0; i < sequences.Count; i++)
            Assert.Equal(Scorer(model, team).Score([sequences[i], Sequence.OfAnswer(Tokens(4), Tokens(2))], null, default)[0], together[i], 1e-4 * Math.Abs(together[i]));
    }

    [Fact]
    public void Answers_side_by_side_are_those_of_the_generator()
    {
        using var model = Model();
        using var team = new Team(2);
        var prompts = Enumerable.Range(0, 5).Select(i => model.Tokenizer.Encode($"What is {i} and {i + 3}? {new string('a', i)}")).ToList();

        var answers = new GreedyAnswers(model.Decoder, null, DType.F32, Backends.Default(), team).Answer(prompts, 6, model.Tokenizer, model.EndTokens, null, default);

        using var generator = new Generator(model.Decoder, null, new GeneratorOptions(128), Backends.Default(), team);
        for (var i = 0; i < prompts.Count; i++)
        {
            int[] tokens = [.. generator.Generate([prompts[i]], new SamplingOptions { MaxNewTokens = 6, EosTokenId = [.. model.EndTokens] }).Select(token => token.Token).Where(token => !model.EndTokens.Contains(token))];
            Assert.Equal(model.Tokenizer.Decode(tokens, skipSpecialTokens: true).Trim(), answers[i]);
        }
    }

    [Fact]
    public void The_likeliest_label_is_counted_per_row()
    {
        using var model = Model();
        using var evaluator = new Evaluator(model, 1, bf16: false);

        var report = evaluator.Run(new EvaluationOptions { Data = Rows(6), Labels = true, Generate = false });

        Assert.Equal(["even", "odd"], report.Labels);
        Assert.InRange(report.Base.Accuracy!.Value, 0, 1);
        Assert.NotNull(report.Base.AccuracyInterval);
    }

    [Fact]
    public void Shots_come_one_of_each_answer_and_are_not_measured_themselves()
    {
        using var model = Model();
        using var evaluator = new Evaluator(model, 1, bf16: false);

        var report = evaluator.Run(new EvaluationOptions { Data = Rows(6), Shots = 2, Generate = false });

        Assert.Equal(4, report.Base.Rows);
    }

    [Fact]
    public void Multiple_choice_is_scored_by_sum_and_per_character()
    {
        using var model = Model();
        var data = Path.Combine(_folder, "choices.jsonl");
        File.WriteAllText(data, "{\"question\": \"What is it?\", \"choices\": [\"a\", \"b and more\"], \"answer\": 1}\n{\"question\": \"It is\", \"choices\": [\"so\", \"not\"], \"answer\": 0}\n");
        using var evaluator = new Evaluator(model, 1, bf16: false);

        var score = evaluator.Run(new EvaluationOptions { Data = data }).Base;

        Assert.Equal(2, score.Rows);
        Assert.Null(score.Loss);
        Assert.NotNull(score.Accuracy);
        Assert.NotNull(score.NormalizedAccuracy);
    }

    [Fact]
    public void Choices_follow_their_context_as_the_harness_writes_it()
    {
        Assert.Equal("Question: To warm up\nAnswer:", Asked("piqa", """{"question": "To warm up", "choices": ["a", "b"], "answer": 0}""", """{"question": "Who?", "choices": ["a", "b"], "answer": 0}""").Context);
        Assert.Equal("It is so.\nQuestion: is it?\nAnswer:", Asked("boolq", """{"passage": "It is so.", "question": "is it?", "choices": ["no", "yes"], "answer": 1}""").Context);
        var story = Asked("hellaswag", """{"question": "Baking: [header] How to bake [title] Mix. she", "choices": ["[step] stirs.", "goes"], "answer": 0}""");
        Assert.Equal(("Baking: How to bake. Mix. she", " stirs."), (story.Context, story.Continuations[0]));
        Assert.Equal("She", Asked("other", """{"question": "She", "choices": ["a", "b"], "answer": 0}""").Context);
        var listed = Asked("mmlu", """{"subject": "high_school_physics", "question": "What falls?", "choices": ["a", "b"], "answer": 1}""");
        Assert.Equal(("What falls?\nA. a\nB. b\nAnswer:", "B"), (listed.Context, listed.Continuations[listed.Answer]));
        Assert.EndsWith("about high school physics.\n\n", listed.Subject);
    }

    private ChoiceQuestion Asked(string file, params string[] lines)
    {
        var path = Path.Combine(_folder, file + ".jsonl");
        File.WriteAllLines(path, lines);
        return MultipleChoice.Asked(RowSet.Load(new DataSource(path)).Rows)[0];
    }

    [Theory]
    [InlineData("{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}", "preferences")]
    [InlineData("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}", "does not end with an answer")]
    [InlineData("{\"question\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 2}", "number of a choice")]
    [InlineData("{\"question\": \"a\", \"choices\": [\"b\"], \"answer\": 0}", "2 to 26")]
    public void A_row_that_cannot_be_measured_is_named(string row, string words)
    {
        using var model = Model();
        var data = Path.Combine(_folder, "bad.jsonl");
        File.WriteAllText(data, row + "\n");
        using var evaluator = new Evaluator(model, 1, bf16: false);

        var error = Assert.Throws<InvalidDataException>(() => evaluator.Run(new EvaluationOptions { Data = data }));

        Assert.Contains("bad.jsonl:1: ", error.Message);
        Assert.Contains(words, error.Message);
    }

    private static LoadedModel Model() => LoadedModel.Open(Shared.Path("conformance/models/train-chat"));

    private static Scorer Scorer(LoadedModel model, Team team) => new(model.Decoder, null, DType.F32, Backends.Default(), team);

    private string Rows(int count)
    {
        var data = Path.Combine(_folder, "rows.jsonl");
        File.WriteAllLines(data, Enumerable.Range(0, count).Select(i => $"{{\"prompt\": \"Is {i} even or odd?\", \"completion\": \" {(i % 2 == 0 ? "even" : "odd")}\"}}"));
        return data;
    }
}

using System.CommandLine;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Afina.Cli.Display;
using Afina.Generation.Sampling;
using Afina.Runs;

namespace Afina.Cli.Commands;

/// <summary><c>afina generate</c>: answers a prompt, with or without an adapter.</summary>
internal sealed class GenerateCommand
{
    private readonly Argument<string?> _prompt = new("prompt") { Description = "what to answer", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _promptFile = new("--prompt-file") { Description = "a file with the prompt; - reads standard input" };
    private readonly Option<string?> _base = CommonOptions.Base();
    private readonly Option<string?> _adapter = CommonOptions.Adapter();
    private readonly Option<bool> _raw = new("--raw") { Description = "go on with the text as it is, without the chat template" };
    private readonly Option<string?> _type = new("--dtype") { Description = "fp32 or bf16 (default: the faster one here)" };
    private readonly Option<int?> _threads = CommonOptions.Threads();
    private readonly Option<bool?> _doSample = new("--do-sample") { Description = "draw by probability instead of taking the most probable token" };
    private readonly Option<float?> _temperature = new("--temperature") { Description = "divides the logits; implies --do-sample" };
    private readonly Option<int?> _topK = new("--top-k") { Description = "keep the k most probable tokens" };
    private readonly Option<double?> _topP = new("--top-p") { Description = "keep the fewest tokens that reach this probability together" };
    private readonly Option<double?> _minP = new("--min-p") { Description = "keep tokens of at least this share of the highest probability" };
    private readonly Option<float?> _repetitionPenalty = new("--repetition-penalty") { Description = "divides the logits of tokens that were there before" };
    private readonly Option<int?> _maxNewTokens = new("--max-new-tokens") { Description = "most tokens of the answer (default: 256)" };
    private readonly Option<long> _seed = new("--seed") { Description = "seed of the choice", DefaultValueFactory = _ => 42 };
    private readonly Option<bool> _json = CommonOptions.Json();

    private GenerateCommand()
    {
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var verb = new GenerateCommand();
        var command = new Command("generate", "Answers a prompt; the text comes as it is made.");
        command.Arguments.Add(verb._prompt);
        foreach (var option in (Option[])[verb._promptFile, verb._base, verb._adapter, verb._raw, verb._type, verb._threads, verb._doSample, verb._temperature, verb._topK, verb._topP, verb._minP, verb._repetitionPenalty, verb._maxNewTokens, verb._seed, verb._json])
            command.Options.Add(option);
        command.SetAction(verb.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var screen = new Screen(parsed.GetValue(_json));
        var prompt = Prompt(parsed);
        using var generator = TextGenerator.Open(new ModelRequest { Base = parsed.GetValue(_base), Adapter = parsed.GetValue(_adapter), Type = parsed.GetValue(_type), Threads = parsed.GetValue(_threads) });
        var sampling = Sampling(parsed, generator.Sampling);
        var tokens = generator.Encode(prompt, parsed.GetValue(_raw));
        var started = Stopwatch.GetTimestamp();
        var text = new StringBuilder();
        foreach (var piece in generator.Generate(tokens, sampling, (ulong)parsed.GetValue(_seed)))
        {
            text.Append(piece);
            screen.Text.Write(piece);
            screen.Text.Flush();
        }

        screen.Text.WriteLine();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        screen.Result(new JsonObject
        {
            ["text"] = text.ToString(),
            ["prompt_tokens"] = generator.PromptTokens,
            ["tokens"] = generator.AnswerTokens,
            ["finish_reason"] = generator.Ended ? "stop" : "length",
            ["seconds"] = Math.Round(seconds, 3),
            ["tokens_per_second"] = Math.Round(generator.AnswerTokens / Math.Max(seconds, 1e-9), 2),
        });
        return 0;
    }

    private string Prompt(ParseResult parsed)
    {
        var (given, file) = (parsed.GetValue(_prompt), parsed.GetValue(_promptFile));
        if (given is not null && file is not null)
            throw new InvalidDataException("there are two prompts, one given and one in a file; one is answered");
        if (file == "-")
            return Console.In.ReadToEnd();
        if (file is not null)
            return File.Exists(file) ? File.ReadAllText(file) : throw new FileNotFoundException($"no such file: {file}");
        return given ?? throw new Training.Recipes.SettingException("there is no prompt: write it after generate, or name a file with --prompt-file", inFile: false);
    }

    private SamplingOptions Sampling(ParseResult parsed, SamplingOptions options)
    {
        var (temperature, topK, topP, minP) = (parsed.GetValue(_temperature), parsed.GetValue(_topK), parsed.GetValue(_topP), parsed.GetValue(_minP));
        var asked = temperature is not null || topK is not null || topP is not null || minP is not null;
        var result = options with
        {
            DoSample = parsed.GetValue(_doSample) ?? (asked || options.DoSample),
            Temperature = temperature ?? options.Temperature,
            TopP = topP ?? options.TopP,
            MinP = minP ?? options.MinP,
            RepetitionPenalty = parsed.GetValue(_repetitionPenalty) ?? options.RepetitionPenalty,
            MaxNewTokens = parsed.GetValue(_maxNewTokens) ?? options.MaxNewTokens,
        };
        if (result.MaxNewTokens is < 1)
            throw new FormatException($"max_new_tokens must be at least 1, not {result.MaxNewTokens}");
        // As generate() of transformers does where nobody says otherwise.
        return result with { TopK = topK ?? (result.DoSample && options.TopK == 0 ? 50 : options.TopK) };
    }
}

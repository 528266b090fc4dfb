using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Globalization;
using Afina.Cli.Commands;
using Afina.Cli.Display;
using Afina.Training.Recipes;

namespace Afina.Cli;

/// <summary>The program: its verbs, and how errors leave it.</summary>
internal static class Application
{
    /// <summary>Something failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int WrongUsage = 2;

    /// <summary>It was interrupted.</summary>
    public const int Interrupted = 130;

    /// <summary>Runs a command line.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var root = new RootCommand("Afina fine-tunes language models on a CPU.");
        foreach (var command in Verbs())
            root.Subcommands.Add(command);
        root.Options.OfType<HelpOption>().Single().Action = new HelpDisplay(root);
        try
        {
            if (args is [var verb, ..] && !verb.StartsWith('-') && root.Subcommands.All(command => command.Name != verb))
                return Fail($"unknown verb {verb}{NearestName.Hint(verb, root.Subcommands.Select(command => command.Name))}; there are {string.Join(", ", root.Subcommands.Select(command => command.Name))}", WrongUsage);
            if (args.Length == 0)
                return Overview.Show(root);
            var parsed = root.Parse(args);
            if (UnknownOption(parsed) is { } unknown)
                return Fail(unknown, WrongUsage);
            if (parsed.Errors.Count > 0)
                return Fail(parsed.Errors[0].Message, WrongUsage);
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (SettingException error)
        {
            return Fail(error, error.InFile ? Failed : WrongUsage);
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (Exception error)
        {
            return Fail(error, Failed);
        }
    }

    private static IEnumerable<Command> Verbs() =>
    [
        TrainCommand.Create(),
        PlanCommand.Create(),
        EvalCommand.Create(),
        QuickstartCommand.Create(),
        ChatCommand.Create(),
        InspectCommand.Create(),
        DoctorCommand.Create(),
        GenerateCommand.Create(),
        MergeCommand.Create(),
        BenchCommand.Create(),
    ];

    /// <summary>A mistyped option would otherwise be taken for a file or a prompt; after "--" everything is one. Verbs that take many words
    /// say it themselves.</summary>
    private static string? UnknownOption(ParseResult parsed)
    {
        if (parsed.CommandResult.Command.Arguments.Any(argument => argument.ValueType == typeof(string[])))
            return null;
        var options = parsed.CommandResult.Command.Options.SelectMany(option => option.Aliases.Append(option.Name)).Where(name => name.StartsWith("--", StringComparison.Ordinal));
        return parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument && token.Value.StartsWith("--", StringComparison.Ordinal)) is { } token
            ? $"unknown option {token.Value.Split('=')[0]}{NearestName.Hint(token.Value.Split('=')[0], options)}; afina {parsed.CommandResult.Command.Name} --help lists them" : null;
    }

    private static int Fail(Exception error, int code)
    {
        if (Environment.GetEnvironmentVariable("AFINA_TRACE") == "1")
            Console.Error.WriteLine(error);
        return Fail(error switch
        {
            OutOfMemoryException => $"the memory is not enough: {error.Message}",
            AggregateException { InnerException: { } inner } => inner.Message,
            _ => error.Message,
        }, code);
    }

    private static int Fail(string message, int code)
    {
        Screen.Error(message);
        return code;
    }
}

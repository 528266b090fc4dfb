using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using Afina.Cli.Display;
using Afina.Runs;

namespace Afina.Cli.Commands;

/// <summary><c>afina chat</c>: a conversation in the terminal.</summary>
internal sealed class ChatCommand : IDisposable
{
    private const string Help = "/adapter FOLDER  answer with an adapter\n/base            answer with the base\n/compare [TEXT]  answer with both (without text: from now on, or no longer)\n/reset           forget the conversation\n/exit            leave (or Ctrl-D); Ctrl-C stops an answer";

    private readonly ChatSession _session;
    private readonly bool _isTyped = !Console.IsInputRedirected;
    private CancellationTokenSource? _answering;
    private string? _adapter;
    private bool _compares;
    private bool _stopped;

    private ChatCommand(ChatSession session, string? adapter)
    {
        _session = session;
        if (adapter is null)
            return;
        _session.Use(adapter);
        _adapter = adapter;
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var command = new Command("chat", "Talks with the model, and with an adapter on it.");
        var (adapter, model, threads, type) = (CommonOptions.Adapter(), CommonOptions.Base(), CommonOptions.Threads(), CommonModelOptions.Type());
        var temperature = new Option<float?>("--temperature") { Description = "0 always takes the most likely token (default: as the model's files say, else 0)" };
        var tokens = new Option<int>("--max-new-tokens") { Description = "the most tokens of an answer", DefaultValueFactory = _ => 512 };
        var seed = new Option<long>("--seed") { Description = "seed of the choice of tokens" };
        foreach (var option in (Option[])[adapter, model, threads, type, temperature, tokens, seed])
            command.Options.Add(option);
        command.SetAction(parsed =>
        {
            using var session = new ChatSession(AdapterBase.Resolve(parsed.GetValue(model), parsed.GetValue(adapter)), CommonModelOptions.ThreadCount(parsed.GetValue(threads)), CommonModelOptions.IsBf16(parsed.GetValue(type)), (ulong)parsed.GetValue(seed));
            session.Sampling = options => parsed.GetValue(temperature) is { } given
                ? options with { DoSample = given > 0, Temperature = given > 0 ? given : 1, MaxNewTokens = parsed.GetValue(tokens) }
                : options with { MaxNewTokens = parsed.GetValue(tokens) };
            using var chat = new ChatCommand(session, parsed.GetValue(adapter));
            return chat.Run();
        });
        return command;
    }

    /// <inheritdoc/>
    public void Dispose() => _answering?.Dispose();

    private int Run()
    {
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            if (_answering is { } answering)
                answering.Cancel();
            else
                Console.Error.WriteLine("\n(/exit or Ctrl-D leaves)");
        });
        if (_isTyped)
            Console.Error.WriteLine($"{_session.ModelName}{(_adapter is null ? "" : $" with {_adapter}")}; /help lists what else you can type");
        while (Ask() is { } line)
        {
            var text = line.Trim();
            if (text.Length == 0)
                continue;
            if (text is "/exit" or "/quit")
                break;
            try
            {
                if (text.StartsWith('/'))
                    Obey(text);
                else if (_compares)
                    Compare(text);
                else
                    Answer(text);
            }
            catch (Exception error) when (error is InvalidDataException or FileNotFoundException or FormatException or NotSupportedException)
            {
                Screen.Error(error.Message);
            }
        }

        return 0;
    }

    private string? Ask()
    {
        if (_isTyped)
            Console.Out.Write($"\n{(_session.Speaker == ChatSession.Base ? "" : Path.GetFileName(Path.TrimEndingDirectorySeparator(_session.Speaker)))}> ");
        return Console.In.ReadLine();
    }

    private void Obey(string text)
    {
        var parts = text.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        switch (parts[0])
        {
            case "/help":
                Console.Error.WriteLine(Help);
                break;
            case "/adapter" when parts.Length == 2 || _adapter is not null:
                _session.Use(parts.Length == 2 ? parts[1] : _adapter!);
                _adapter = _session.Speaker;
                Console.Error.WriteLine($"(answering with {_adapter})");
                break;
            case "/adapter":
                throw new FormatException("/adapter needs the folder of an adapter");
            case "/base":
                _session.Use(ChatSession.Base);
                Console.Error.WriteLine("(answering with the base)");
                break;
            case "/reset":
                _session.Reset();
                Console.Error.WriteLine("(the conversation is forgotten)");
                break;
            case "/compare" when _adapter is null:
                throw new FormatException("/compare needs an adapter: choose one with /adapter FOLDER");
            case "/compare" when parts.Length == 2:
                Compare(parts[1]);
                break;
            case "/compare":
                _compares = !_compares;
                Console.Error.WriteLine(_compares ? "(answering with both)" : "(answering with one)");
                break;
            default:
                string[] known = ["/adapter", "/base", "/compare", "/reset", "/help", "/exit"];
                throw new FormatException($"there is no {parts[0]}{NearestName.Hint(parts[0], known)}; /help lists what there is");
        }
    }

    private void Answer(string text)
    {
        Write(cancellation => _session.Answer(text, cancellation));
        Console.Out.WriteLine(_stopped ? " ..." : "");
    }

    /// <summary>Both answers; the one of the adapter joins the conversation.</summary>
    private void Compare(string text)
    {
        Console.Out.Write("base:    ");
        Write(cancellation => _session.Try(ChatSession.Base, text, cancellation));
        Console.Out.WriteLine();
        if (_stopped)
            return;
        Console.Out.Write("adapter: ");
        _session.Use(_adapter!);
        Answer(text);
    }

    private void Write(Func<CancellationToken, IEnumerable<string>> answer)
    {
        using var answering = new CancellationTokenSource();
        (_answering, _stopped) = (answering, false);
        try
        {
            foreach (var piece in answer(answering.Token))
            {
                Console.Out.Write(Printable(piece));
                Console.Out.Flush();
            }
        }
        catch (OperationCanceledException)
        {
            _stopped = true;
        }
        finally
        {
            _answering = null;
        }
    }

    /// <summary>A model's words must not steer the terminal.</summary>
    private static string Printable(string piece)
    {
        var text = new StringBuilder();
        foreach (var c in piece)
        {
            if (c is '\n' or '\t' || !char.IsControl(c))
                text.Append(c);
        }

        return text.ToString();
    }
}

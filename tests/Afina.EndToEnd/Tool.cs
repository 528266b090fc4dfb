using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Afina.EndToEnd;

/// <summary>What a process of the program left.</summary>
internal sealed record Outcome(int Code, string Output, string Error)
{
    /// <summary>The last line of standard output as an object.</summary>
    public JsonElement Json() => JsonDocument.Parse(Output.TrimEnd().Split('\n')[^1]).RootElement;

    /// <summary>The one line of an error.</summary>
    public string OnlyError(int code = 1)
    {
        Assert.True(Code == code, $"exit code {Code}: {Error}");
        var line = Assert.Single(Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("afina: ", line);
        return line;
    }

    /// <summary>Itself, when it succeeded.</summary>
    public Outcome Succeeded()
    {
        Assert.True(Code == 0, $"exit code {Code}: {Error}");
        return this;
    }
}

/// <summary>The built program as a process, working in a folder of its own that is gone after the test.</summary>
internal sealed class Tool : IDisposable
{
    /// <summary>The program inherits what the runtime was told: old processors with AVX2 alone compute at a sixth of the rate of those with
    /// AVX-512, without vectors it is a twentieth.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(Vector512.IsHardwareAccelerated ? 100 : Vector128.IsHardwareAccelerated ? 300 : 500);

    public string Folder { get; } = Directory.CreateTempSubdirectory("afina-e2e-").FullName;

    public string this[string name] => Path.Combine(Folder, name);

    public static string Checkout
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "Afina.slnx")))
                folder = folder.Parent ?? throw new InvalidOperationException("the tests run outside the checkout");
            return folder.FullName;
        }
    }

    /// <summary>A tiny model with a tokenizer, of values that other programs computed; without it the test skips.</summary>
    public static string TinyModel
    {
        get
        {
            var path = Path.GetFullPath(Path.Combine(Checkout, "..", "shared", "conformance", "models", "train-chat"));
            Assert.SkipUnless(Directory.Exists(path), "SKIPPED: the shared folder is not beside the checkout");
            return path;
        }
    }

    /// <summary>Writes rows of prompt and completion.</summary>
    public string Rows(string name, int count)
    {
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
            text.Append(CultureInfo.InvariantCulture, $"{{\"prompt\": \"What is {i} and {i * 7 % 11}?\", \"completion\": \" It is {i + i * 7 % 11}.\"}}\n");
        File.WriteAllText(this[name], text.ToString());
        return name;
    }

    /// <summary>A file of pairs: a right sum is chosen, a wrong one rejected.</summary>
    public string Pairs(string name, int count)
    {
        var text = new StringBuilder();
        for (var i = 0; i < count; i++)
            text.Append(CultureInfo.InvariantCulture, $"{{\"prompt\": \"Please add up these two numbers: what is {i} and {i * 7 % 11}?\", \"chosen\": \" It is {i + i * 7 % 11}.\", \"rejected\": \" Perhaps {i + 1 + i * 5 % 7}, who knows?\"}}\n");
        File.WriteAllText(this[name], text.ToString());
        return name;
    }

    public Outcome Run(params string[] arguments)
    {
        using var process = Start(arguments);
        return Wait(process);
    }

    public Process Start(params string[] arguments) => Start(input: false, arguments);

    /// <summary>Starts it, its standard input in the test's hands if asked for.</summary>
    public Process Start(bool input, params string[] arguments) => StartIn([], arguments, input);

    /// <summary>Starts it through another program, whose last arguments it becomes.</summary>
    public Process StartIn(string[] before, string[] arguments, bool input = false)
    {
        var program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Afina.Cli", new DirectoryInfo(AppContext.BaseDirectory).Name, "Afina.Cli.dll"));
        string[] line = [.. before, Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet", "exec", program, .. arguments];
        var start = new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardInput = input,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Folder,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        return Process.Start(start)!;
    }

    public static Outcome Wait(Process process)
    {
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Longest))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail("the program did not end");
        }

        return new Outcome(process.ExitCode, output.Result, error.Result);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

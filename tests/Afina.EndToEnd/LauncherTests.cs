using System.Diagnostics;
using Xunit;

namespace Afina.EndToEnd;

/// <summary>The launcher `afina` as a process, in a small copy of a checkout whose `dotnet` is a script that notes what it is asked.</summary>
public sealed class LauncherTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("afina launcher ").FullName;
    private readonly string _root;
    private readonly string _tools;

    private const string FakeDotnet = """
        #!/bin/bash
        case $1 in
          --version) echo 10.0.100 ;;
          build)
            echo build >>"$AFINA_TEST_LOG"
            sleep "${AFINA_TEST_BUILD_SECONDS:-0}"
            [ -z "${AFINA_TEST_BUILD_FAILS:-}" ] || { echo 'Program.cs(1,1): error CS1002: ; expected'; exit 1; }
            mkdir -p artifacts/bin/Afina.Cli/release
            : >artifacts/bin/Afina.Cli/release/Afina.Cli.dll ;;
          *)
            shift
            printf '<%s>' "$@"
            [ "${1:-}" != wait ] || { trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done; }
            exit "${AFINA_TEST_EXIT:-0}" ;;
        esac
        """;

    public LauncherTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "SKIPPED: the launcher of Windows is afina.cmd");
        _root = Path.Combine(_folder, "my checkout");
        _tools = Path.Combine(_folder, "tools");
        Directory.CreateDirectory(Path.Combine(_root, "src", "Afina.Cli"));
        Directory.CreateDirectory(_tools);
        File.Copy(Path.Combine(Checkout(), "afina"), Path.Combine(_root, "afina"));
        File.WriteAllText(Path.Combine(_root, "src", "Afina.Cli", "Program.cs"), "return 0;\n");
        File.WriteAllText(Path.Combine(_root, "global.json"), "{}\n");
        File.WriteAllText(Path.Combine(_root, "Directory.Build.props"), "<Project/>\n");
        var dotnet = Path.Combine(_tools, "dotnet");
        File.WriteAllText(dotnet, FakeDotnet.ReplaceLineEndings("\n"));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(dotnet, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Without_dotnet_one_line_says_how_to_get_it()
    {
        var nowhere = Path.Combine(_folder, "nowhere");
        var result = Run(["/bin/bash", Path.Combine(_root, "afina"), "train"], path: nowhere, ("HOME", nowhere), ("DOTNET_ROOT", nowhere));

        Assert.Equal(127, result.Code);
        Assert.Equal("", result.Output);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("afina: there is no dotnet", result.Error);
        Assert.Contains(".NET SDK 10: get it with", result.Error);
        Assert.DoesNotContain("build", Log());
    }

    [Fact]
    public void The_first_use_builds_with_one_line_and_the_second_is_quiet()
    {
        var first = Launch(["plan"]);
        var second = Launch(["plan"]);

        Assert.Equal((0, "<plan>"), (first.Code, first.Output));
        Assert.Equal("afina: building (once, and again when the sources change) ...\n", first.Error);
        Assert.Equal((0, "<plan>", ""), (second.Code, second.Output, second.Error));
        Assert.Equal("build\n", Log());
    }

    [Theory]
    [InlineData("src/Afina.Cli/Program.cs")]
    [InlineData("src/Afina.Cli/New.cs")]
    [InlineData("Directory.Build.props")]
    [InlineData("global.json")]
    public void A_changed_or_new_source_is_built_again(string file)
    {
        Launch([]);
        var path = Path.Combine(_root, file);
        File.AppendAllText(path, "\n");
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(2));
        Launch([]);

        Assert.Equal("build\nbuild\n", Log());
    }

    [Fact]
    public void A_change_that_no_build_reads_does_not_build()
    {
        Launch([]);
        var path = Path.Combine(_root, "README.md");
        File.WriteAllText(path, "text");
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(2));
        Launch([]);

        Assert.Equal("build\n", Log());
    }

    [Fact]
    public void A_failed_build_shows_its_errors_runs_nothing_and_is_tried_again()
    {
        var failed = Launch(["plan"], ("AFINA_TEST_BUILD_FAILS", "1"));
        var mended = Launch(["plan"]);

        Assert.Equal((1, ""), (failed.Code, failed.Output));
        Assert.Contains("error CS1002", failed.Error);
        Assert.Contains("afina: the build failed", failed.Error);
        Assert.Equal((0, "<plan>"), (mended.Code, mended.Output));
    }

    [Fact]
    public void Arguments_and_the_exit_code_pass_unchanged()
    {
        var result = Launch(["train", "two words", "", "*", "lora_r=8"], ("AFINA_TEST_EXIT", "3"));

        Assert.Equal((3, "<train><two words><><*><lora_r=8>"), (result.Code, result.Output));
    }

    [Fact]
    public void It_works_through_symlinks_from_another_folder()
    {
        var elsewhere = Directory.CreateDirectory(Path.Combine(_folder, "else where")).FullName;
        File.CreateSymbolicLink(Path.Combine(elsewhere, "one"), "../my checkout/afina");
        File.CreateSymbolicLink(Path.Combine(_tools, "afina"), Path.Combine(elsewhere, "one"));
        var relative = Run(["./one", "a"], PathWithTools, ("AFINA_TEST_LOG", LogFile));
        var onPath = Run(["/bin/bash", "-c", "afina b"], PathWithTools, ("AFINA_TEST_LOG", LogFile));

        Assert.Equal((0, "<a>"), (relative.Code, relative.Output));
        Assert.Equal((0, "<b>", ""), (onPath.Code, onPath.Output, onPath.Error));
    }

    [Fact]
    public async Task Launchers_at_once_build_once()
    {
        var runs = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Task.Run(() => Launch([$"{i}"], ("AFINA_TEST_BUILD_SECONDS", "0.5")))));

        Assert.All(runs, run => Assert.Equal(0, run.Code));
        Assert.Equal("build\n", Log());
        Assert.False(Directory.Exists(Path.Combine(_root, "artifacts", "afina.lock")));
    }

    [Fact]
    public void A_lock_whose_owner_died_is_taken_over_and_a_held_one_is_named_after_the_wait()
    {
        var held = Directory.CreateDirectory(Path.Combine(_root, "artifacts", "afina.lock")).FullName;
        File.WriteAllText(Path.Combine(held, "owner"), $"{Environment.ProcessId}\n");
        var waited = Launch([], ("AFINA_BUILD_WAIT", "1"));
        Assert.Equal(1, waited.Code);
        Assert.Contains(held, waited.Error);

        using (var shortLived = Process.Start("/bin/sh", ["-c", "exit"]))
        {
            shortLived.WaitForExit();
            File.WriteAllText(Path.Combine(held, "owner"), $"{shortLived.Id}\n");
        }

        Assert.Equal(0, Launch([], ("AFINA_BUILD_WAIT", "1")).Code);
    }

    [Fact]
    public void A_signal_reaches_the_program_because_the_launcher_becomes_it()
    {
        Launch([]);
        using var process = Start([Path.Combine(_root, "afina"), "wait"], PathWithTools, ("AFINA_TEST_LOG", LogFile));
        Assert.Equal("<wait>ready", process.StandardOutput.ReadLine());
        Process.Start("/bin/kill", ["-TERM", $"{process.Id}"]).WaitForExit();

        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(20)));
        Assert.Equal(42, process.ExitCode);
    }

    [Fact]
    public void The_real_launcher_runs_the_real_program_and_builds_no_second_time()
    {
        var launcher = Path.Combine(Checkout(), "afina");
        var environment = Environment.GetEnvironmentVariable("PATH")!;
        var first = Run([launcher, "--version"], environment);
        Assert.True(first.Code == 0, first.Error);
        var second = Run([launcher, "--version"], environment);

        Assert.Equal((0, first.Output, ""), (second.Code, second.Output, second.Error));
    }

    private string LogFile => Path.Combine(_folder, "log");

    private string PathWithTools => $"{_tools}:{Environment.GetEnvironmentVariable("PATH")}";

    private string Log() => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    private Result Launch(string[] arguments, params (string Name, string Value)[] variables) =>
        Run([Path.Combine(_root, "afina"), .. arguments], PathWithTools, [("AFINA_TEST_LOG", LogFile), .. variables]);

    private Result Run(string[] command, string path, params (string Name, string Value)[] variables)
    {
        using var process = Start(command, path, variables);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(240)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{command[0]} did not end");
        }

        return new Result(process.ExitCode, output.Result, error.Result);
    }

    private Process Start(string[] command, string path, params (string Name, string Value)[] variables)
    {
        var work = Path.Combine(_folder, "else where");
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Directory.Exists(work) ? work : _folder,
        };
        if (command[0].StartsWith("./", StringComparison.Ordinal))
        {
            start.FileName = Path.Combine(start.WorkingDirectory, command[0]);
        }

        start.Environment["PATH"] = path;
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static string Checkout()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Afina.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("the tests run outside the checkout");
    }

    private sealed record Result(int Code, string Output, string Error);
}

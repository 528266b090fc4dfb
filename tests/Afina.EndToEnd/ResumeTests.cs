using System.Diagnostics;
using Xunit;

namespace Afina.EndToEnd;

public sealed class ResumeTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    /// <summary>How many times runs are killed; the environment can ask for more, and they then run on two threads.</summary>
    private static readonly int Kills = int.TryParse(Environment.GetEnvironmentVariable("AFINA_TEST_KILLS"), out var kills) ? kills : 4;

    [Theory]
    [InlineData("dtype=fp32")]
    [InlineData("dtype=bf16", "quantize=nf4")]
    [InlineData("dtype=bf16", "rl=dpo")]
    public void A_run_that_is_killed_at_any_moment_and_started_again_makes_the_same_adapter(params string[] settings)
    {
        var uncut = Uncut(settings);
        var random = new Random();
        var (kills, resumed, torn, rounds) = (0, 0, 0, 0);
        while (kills < Kills)
        {
            var output = $"cut{rounds++}";
            for (var k = 0; k < 5 && kills < Kills; k++)
            {
                // Now and then while it starts, or while it writes a checkpoint; else somewhere in the next 20 lines of its log.
                var logged = Logged(output) + random.Next(-2, 20);
                using var process = Train(output, settings);
                while ((k == 2 ? !IsWriting(output) : k != 1 && Logged(output) < logged) && !process.HasExited)
                    Thread.Sleep(k == 2 ? 0 : 1);
                Thread.Sleep(k == 2 ? 0 : random.Next(k == 1 ? 500 : 20));
                if (process.HasExited)
                    break;
                process.Kill();
                process.WaitForExit();
                kills++;
                torn += IsWriting(output) ? 1 : 0;
                resumed += Directory.Exists(_tool[output]) && Directory.EnumerateDirectories(_tool[output], "checkpoint-*").Any() ? 1 : 0;
            }

            using var end = Train(output, settings);
            Tool.Wait(end).Succeeded();
            Assert.Equal(uncut, File.ReadAllBytes(_tool[$"{output}/adapter_model.safetensors"]));
            Assert.Empty(Directory.EnumerateFileSystemEntries(_tool[output], ".*"));
            Assert.Equal(Steps("uncut"), Steps(output));
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{kills} kills in {rounds} runs: {resumed} behind a checkpoint, {torn} while one was written");
    }

    [Fact]
    public void An_interrupted_run_keeps_its_last_step_and_goes_on_from_there()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "SKIPPED: there is no SIGINT to send on Windows");
        var uncut = Uncut();
        using var process = Train("out");
        var checkpoints = () => Directory.Exists(_tool["out"]) ? Directory.GetDirectories(_tool["out"], "checkpoint-*") : [];
        var waited = Stopwatch.StartNew();
        while (checkpoints().Length == 0 && !process.HasExited && waited.Elapsed < TimeSpan.FromSeconds(60))
            Thread.Sleep(5);
        Process.Start("/bin/kill", ["-INT", $"{process.Id}"]).WaitForExit();
        var interrupted = Tool.Wait(process);
        Assert.SkipWhen(interrupted.Code == 0, "SKIPPED: the run was over before the signal came");

        Assert.Equal(130, interrupted.Code);
        Assert.Contains("the same command goes on from", interrupted.Error);
        using var again = Train("out");
        Assert.Contains("going on from checkpoint-", Tool.Wait(again).Succeeded().Error);
        Assert.Equal(uncut, File.ReadAllBytes(_tool["out/adapter_model.safetensors"]));
    }

    [Fact]
    public void A_run_that_would_not_go_on_exactly_is_refused_with_what_changed()
    {
        _tool.Rows("rows.jsonl", 12);
        string[] command = ["train", "rows.jsonl", "--base", Tool.TinyModel, "max_steps=6", "save_steps=2", "--output", "out", "--quiet"];
        _tool.Run(command).Succeeded();

        Assert.Contains("learning_rate (then 0.001, now 0.01) changed", _tool.Run([.. command, "learning_rate=0.01"]).Error);
        _tool.Rows("rows.jsonl", 13);
        var changed = _tool.Run(command);
        Assert.Equal(1, changed.Code);
        Assert.Contains("data (then", changed.Error);
        Assert.NotEmpty(Directory.GetDirectories(_tool["out"], "checkpoint-*"));
        _tool.Run([.. command, "resume_from_checkpoint=false"]).Succeeded();
    }

    private byte[] Uncut(params string[] settings)
    {
        if (settings.Contains("rl=dpo"))
            _tool.Pairs("rows.jsonl", 20);
        else
            _tool.Rows("rows.jsonl", 20);
        using var process = Train("uncut", settings);
        Tool.Wait(process).Succeeded();
        return File.ReadAllBytes(_tool["uncut/adapter_model.safetensors"]);
    }

    private bool IsWriting(string output) => Directory.Exists(_tool[output]) && Directory.EnumerateFileSystemEntries(_tool[output], ".checkpoint*").Any();

    private int Logged(string output)
    {
        if (!File.Exists(_tool[$"{output}/metrics.jsonl"]))
            return 0;
        using var reader = new StreamReader(new FileStream(_tool[$"{output}/metrics.jsonl"], FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd().Count(c => c == '\n');
    }

    private Process Train(string output, params string[] settings) => _tool.Start([
        "train", "rows.jsonl", "--base", Tool.TinyModel, "--lora-dropout", "0.1", "micro_batch_size=2", "gradient_accumulation_steps=2",
        "max_steps=80", "val_set_size=4", "eval_steps=10", "save_steps=5", "save_total_limit=2", "--output", output, "--threads", Kills > 4 ? "2" : "1", "--quiet", .. settings]);

    private string[] Steps(string output) => [.. File.ReadLines(_tool[$"{output}/metrics.jsonl"]).Where(line => line.Contains("grad_norm")).Select(line => line[..line.IndexOf("tokens_per_second", StringComparison.Ordinal)])];
}

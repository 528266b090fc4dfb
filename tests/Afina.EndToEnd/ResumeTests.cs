using System.Diagnostics;
using Xunit;

namespace Afina.EndToEnd;

public sealed class ResumeTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void A_run_that_is_killed_at_any_moment_and_started_again_makes_the_same_adapter()
    {
        var uncut = Uncut(out var seconds);
        var random = new Random();
        for (var round = 0; round < 4; round++)
        {
            var output = $"cut{round}";
            for (var kills = 0; kills < 2; kills++)
            {
                using var process = Train(output);
                var killed = !process.WaitForExit(TimeSpan.FromSeconds(seconds * (0.3 + 0.6 * random.NextDouble())));
                if (killed)
                    process.Kill();
                process.WaitForExit();
            }

            using var last = Train(output);
            Tool.Wait(last).Succeeded();
            Assert.Equal(uncut, File.ReadAllBytes(_tool[$"{output}/adapter_model.safetensors"]));
            Assert.Empty(Directory.EnumerateFileSystemEntries(_tool[output], ".*"));
            Assert.Equal(Steps("uncut"), Steps(output));
        }
    }

    [Fact]
    public void An_interrupted_run_keeps_its_last_step_and_goes_on_from_there()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "SKIPPED: there is no SIGINT to send on Windows");
        var uncut = Uncut(out _);
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

    private byte[] Uncut(out double seconds)
    {
        _tool.Rows("rows.jsonl", 20);
        var watch = Stopwatch.StartNew();
        using var process = Train("uncut");
        Tool.Wait(process).Succeeded();
        seconds = watch.Elapsed.TotalSeconds;
        return File.ReadAllBytes(_tool["uncut/adapter_model.safetensors"]);
    }

    private Process Train(string output) => _tool.Start(
        "train", "rows.jsonl", "--base", Tool.TinyModel, "--lora-dropout", "0.1", "micro_batch_size=2", "gradient_accumulation_steps=2",
        "max_steps=80", "val_set_size=4", "eval_steps=10", "save_steps=5", "save_total_limit=2", "--output", output, "--threads", "1", "--quiet");

    private string[] Steps(string output) => [.. File.ReadLines(_tool[$"{output}/metrics.jsonl"]).Where(line => line.Contains("grad_norm")).Select(line => line[..line.IndexOf("tokens_per_second", StringComparison.Ordinal)])];
}

using System.Diagnostics;
using Xunit;

namespace Afina.EndToEnd;

/// <summary><c>afina chat</c> as a process, its words through a pipe.</summary>
public sealed class ChatTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public void It_answers_line_by_line_and_obeys_commands()
    {
        var outcome = Talk("hello\n/help\n/reset\n/nonsense\n/compare x\n/adapter nowhere\n/exit\n");

        Assert.Equal(0, outcome.Code);
        Assert.Contains("/compare", outcome.Error);
        Assert.Contains("the conversation is forgotten", outcome.Error);
        Assert.Contains("afina: there is no /nonsense", outcome.Error);
        Assert.Contains("afina: /compare needs an adapter", outcome.Error);
        Assert.Contains("afina: no such adapter: nowhere", outcome.Error);
    }

    [Fact]
    public void It_compares_the_base_with_an_adapter()
    {
        _tool.Rows("train.jsonl", 6);
        _tool.Run("train", "train.jsonl", "--base", Tool.TinyModel, "--output", "out", "--max-steps", "1", "--dtype", "fp32").Succeeded();

        var outcome = Talk("/adapter out\n/compare hello\n/base\n");

        Assert.Equal(0, outcome.Code);
        Assert.Contains("base:    ", outcome.Output);
        Assert.Contains("adapter: ", outcome.Output);
        Assert.Contains("answering with the base", outcome.Error);
    }

    [Fact]
    public void An_interrupt_leaves_the_program_running()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "SKIPPED: signals are sent with kill");
        using var process = _tool.Start(input: true, "chat", "--base", Tool.TinyModel, "--max-new-tokens", "4", "--dtype", "fp32");
        process.StandardInput.WriteLine("/reset");
        process.StandardInput.Flush();
        process.StandardError.ReadLine();
        using (var kill = Process.Start("kill", ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
            kill.WaitForExit();
        while (process.StandardError.ReadLine() is { } line && !line.Contains("leaves", StringComparison.Ordinal))
        {
        }

        process.StandardInput.WriteLine("/reset");
        process.StandardInput.Close();

        Assert.Equal(0, Tool.Wait(process).Code);
    }

    private Outcome Talk(string words)
    {
        using var process = _tool.Start(input: true, "chat", "--base", Tool.TinyModel, "--max-new-tokens", "4", "--dtype", "fp32");
        process.StandardInput.Write(words);
        process.StandardInput.Close();
        return Tool.Wait(process);
    }
}

using Xunit;

namespace Afina.EndToEnd;

/// <summary>What a separate plan said against the peak of the training's process, seen from outside and as it reports it itself.</summary>
public sealed class MemoryTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData("quantize=none", "recomputation=cheap")]
    [InlineData("quantize=nf4", "recomputation=layers")]
    public async Task A_training_takes_what_the_plan_said(params string[] settings)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SKIPPED: the peak of another process is read from /proc");
        string[] common = [Path.Combine(Tool.Checkout, "samples", "data", "support", "train.jsonl"), "max_steps=2", "sequence_len=256", "--output", "out", "--json", .. settings];
        var planned = (double)_tool.Run(["plan", .. common]).Succeeded().Json().GetProperty("memory").GetProperty("total").GetInt64();
        using var process = _tool.Start(["train", .. common]);
        var peak = 0L;
        var polled = Task.Run(async () =>
        {
            for (; !process.HasExited; await Task.Delay(20))
                peak = Math.Max(peak, Peak(process.Id));
        });
        var trained = Tool.Wait(process).Succeeded().Json();
        await polled;

        Assert.InRange(peak / planned, 0.95, 1.05);
        Assert.InRange(trained.GetProperty("peak_bytes").GetInt64() / planned, 0.95, 1.05);
    }

    private static long Peak(int process)
    {
        try
        {
            return File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)) is { } line
                ? long.Parse(string.Concat(line.Where(char.IsAsciiDigit)), System.Globalization.CultureInfo.InvariantCulture) * 1024 : 0;
        }
        catch (IOException)
        {
            // It ended between two looks.
            return 0;
        }
    }
}

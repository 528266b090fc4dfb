using System.Diagnostics;
using Xunit;

namespace Afina.EndToEnd;

/// <summary>Places that take no more, or nothing: one line, nothing half written, what was there before as it was.</summary>
public sealed class FullDiskTests : IDisposable
{
    private readonly Tool _tool = new();

    public FullDiskTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "SKIPPED: limits and rights are set with a shell");

    public void Dispose()
    {
        if (Directory.Exists(_tool["closed"]))
            Process.Start("chmod", ["700", _tool["closed"]]).WaitForExit();
        _tool.Dispose();
    }

    [Fact]
    public void A_training_whose_checkpoint_does_not_fit_leaves_the_earlier_one_and_no_adapter()
    {
        _tool.Rows("rows.jsonl", 12);
        string[] train = ["train", "rows.jsonl", "--base", Tool.TinyModel, "--output", "out", "--dtype", "fp32", "--quiet", "base_model_id=a/b", "micro_batch_size=4", "max_steps=8", "save_steps=2", "save_total_limit=9"];
        _tool.Run(train).Succeeded();
        Directory.Delete(_tool[Path.Combine("out", "checkpoint-6")], recursive: true);
        File.Delete(_tool[Path.Combine("out", "adapter_model.safetensors")]);
        var before = Files("out");

        // Checkpoints are larger than the limit of 40 KiB a file.
        var outcome = Limited(train);

        Assert.Equal(1, outcome.Code);
        Assert.Contains("checkpoint-6/adapter_model.safetensors: cannot be written", outcome.Error);
        Assert.DoesNotContain(".partial", outcome.Error);
        Assert.Equal(before.Where(file => !file.Key.EndsWith("metrics.jsonl", StringComparison.Ordinal)), Files("out").Where(file => !file.Key.EndsWith("metrics.jsonl", StringComparison.Ordinal)));
    }

    [Fact]
    public void An_adapter_or_a_merged_model_that_does_not_fit_is_not_there_at_all()
    {
        _tool.Rows("rows.jsonl", 6);
        Directory.CreateDirectory(_tool["data"]);
        _tool.Rows(Path.Combine("data", "train.jsonl"), 6);
        _tool.Rows(Path.Combine("data", "valid.jsonl"), 3);
        _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "--output", "adapter", "--max-steps", "1", "base_model_id=a/b", "--quiet").Succeeded();

        foreach (string[] line in (string[][])[
            ["train", "rows.jsonl", "--base", Tool.TinyModel, "--output", "out", "--max-steps", "1", "base_model_id=a/b", "--quiet"],
            ["merge", "adapter", "--base", Tool.TinyModel, "--output", "merged"],
            ["quickstart", "--data", "data", "--base", Tool.TinyModel, "--max-steps", "1", "--limit", "1", "--output", "quick", "--dtype", "fp32", "--quiet"]])
        {
            var outcome = Limited(line);
            Assert.Equal(1, outcome.Code);
            Assert.Contains("cannot be written (it is larger", outcome.Error.TrimEnd('\n').Split('\n')[^1]);
            Assert.False(File.Exists(_tool[Path.Combine("out", "adapter_model.safetensors")]) || Directory.Exists(_tool["merged"]) || File.Exists(_tool[Path.Combine("quick", "adapter_model.safetensors")]));
            Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_tool.Folder, "*", SearchOption.AllDirectories), path => path.EndsWith(".partial", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_folder_that_may_not_be_written_to_is_named()
    {
        _tool.Rows("rows.jsonl", 6);
        Directory.CreateDirectory(_tool["data"]);
        _tool.Rows(Path.Combine("data", "train.jsonl"), 6);
        _tool.Rows(Path.Combine("data", "valid.jsonl"), 3);
        _tool.Run("train", "rows.jsonl", "--base", Tool.TinyModel, "--output", "adapter", "--max-steps", "1", "base_model_id=a/b", "--quiet").Succeeded();
        Directory.CreateDirectory(_tool["closed"]);
        Process.Start("chmod", ["555", _tool["closed"]]).WaitForExit();

        foreach (string[] line in (string[][])[
            ["train", "rows.jsonl", "--base", Tool.TinyModel, "--output", "closed/out", "--max-steps", "1", "base_model_id=a/b", "--quiet"],
            ["merge", "adapter", "--base", Tool.TinyModel, "--output", "closed/out"],
            ["quickstart", "--data", "data", "--base", Tool.TinyModel, "--max-steps", "1", "--output", "closed/out", "--quiet"]])
        {
            var error = WithoutPrivileges(line).OnlyError();
            Assert.Contains("closed/out: cannot be written", error);
            Assert.DoesNotContain(".partial", error);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(_tool["closed"]));
    }

    /// <summary>Under a limit on the size of a file, which fails as a full disk does. The runtime would double-map its code through a file.</summary>
    private Outcome Limited(string[] arguments) => Shell("trap '' XFSZ; ulimit -f 40; export DOTNET_EnableWriteXorExecute=0; exec \"$@\"", arguments);

    /// <summary>With what root may do beyond rights taken away: files and folders of its own, like the checkout, stay open to it.</summary>
    private Outcome WithoutPrivileges(string[] arguments)
    {
        Assert.SkipUnless(Environment.UserName != "root" || File.Exists("/usr/bin/setpriv"), "SKIPPED: root may write everywhere, and there is no setpriv");
        return Shell(Environment.UserName == "root" ? "exec setpriv --bounding-set=-dac_override,-dac_read_search \"$@\"" : "exec \"$@\"", arguments);
    }

    private Outcome Shell(string script, string[] arguments)
    {
        using var process = _tool.StartIn(["bash", "-c", script, "bash"], arguments);
        return Tool.Wait(process);
    }

    private SortedDictionary<string, string> Files(string folder) => new(
        Directory.EnumerateFiles(_tool[folder], "*", SearchOption.AllDirectories).ToDictionary(file => file, file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))), StringComparer.Ordinal);
}

using Afina.Runs;
using Afina.Tests.Formats;
using Xunit;

namespace Afina.Tests.Runs;

public sealed class LinuxMemoryTests
{
    private const string Meminfo = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    800 kB\n";

    [Fact]
    public void Without_a_group_it_is_what_the_kernel_could_give()
    {
        using var root = new TemporaryFolder();
        Write(root, "proc/meminfo", Meminfo);

        Assert.Equal(800 * 1024, Free(root));
    }

    [Theory]
    [InlineData("0::/jobs/one\n", "cgroup/jobs/one", "memory.max", "memory.current", "inactive_file")]
    [InlineData("0::/jobs/one\n", "cgroup/jobs", "memory.max", "memory.current", "inactive_file")]
    [InlineData("0::/of-the-host\n", "cgroup", "memory.max", "memory.current", "inactive_file")]
    [InlineData("5:cpu,cpuacct:/x\n4:memory:/jobs/one\n", "cgroup/memory/jobs/one", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")]
    [InlineData("4:memory:/of-the-host\n", "cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")]
    public void The_limit_of_a_group_or_of_one_above_it_counts_less_what_is_used_and_could_not_be_dropped(string group, string folder, string limit, string used, string droppable)
    {
        using var root = new TemporaryFolder();
        Write(root, "proc/meminfo", Meminfo);
        Write(root, "proc/self/cgroup", group);
        Write(root, $"{folder}/{limit}", "500000\n");
        Write(root, $"{folder}/{used}", "400000\n");
        Write(root, $"{folder}/memory.stat", $"active_file 7\n{droppable} 50000\n");

        Assert.Equal(150_000, Free(root));
    }

    [Fact]
    public void A_group_without_a_limit_does_not_count()
    {
        using var root = new TemporaryFolder();
        Write(root, "proc/meminfo", Meminfo);
        Write(root, "proc/self/cgroup", "0::/\n");
        Write(root, "cgroup/memory.max", "max\n");
        Write(root, "cgroup/memory.current", "400000\n");

        Assert.Equal(800 * 1024, Free(root));
    }

    [Fact]
    public void Where_nothing_says_it_nothing_is_known()
    {
        using var root = new TemporaryFolder();

        Assert.Null(Free(root));
    }

    private static long? Free(TemporaryFolder root) => LinuxMemory.Free(root.File("proc"), root.File("cgroup"));

    private static void Write(TemporaryFolder root, string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(root.File(name))!);
        File.WriteAllText(root.File(name), text);
    }
}

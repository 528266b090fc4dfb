using Afina.Runs;
using Afina.Tests.Formats;
using Afina.Training;
using Xunit;

namespace Afina.Tests.Runs;

public sealed class MetricsLogTests
{
    [Fact]
    public void Lines_of_an_earlier_run_are_there_before_a_new_one_is_written()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, MetricsLog.FileName);
        using (var log = new MetricsLog(folder.Path, 0))
        {
            for (var step = 1; step <= 3; step++)
                log.Write(Done(step));
        }

        File.AppendAllText(file, "{\"step\": ");
        using var again = new MetricsLog(folder.Path, 2);

        Assert.Equal(2, Lines().Length);
        again.Write(Done(3));
        Assert.Equal(3, Lines().Length);
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));

        string[] Lines()
        {
            using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    private static StepDone Done(int step) => new(step, 3, step, 1, 1, 1e-3, 0.5, 10 * step, 100, 1);
}

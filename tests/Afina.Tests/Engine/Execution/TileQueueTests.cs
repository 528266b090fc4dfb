using Afina.Engine.Execution;
using Xunit;

namespace Afina.Tests.Engine.Execution;

public class TileQueueTests
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 7)]
    [InlineData(2, 1)]
    [InlineData(3, 8)]
    [InlineData(4, 3)]
    [InlineData(8, 1000)]
    public void EveryTileIsTakenOnceByThreadsThatTakeAtTheSameTime(int workers, int tiles)
    {
        var queue = new TileQueue(workers);
        for (var phase = 0; phase < 3; phase++)
        {
            var taken = new int[tiles];
            var threads = Enumerable.Range(0, workers).Select(worker => new Thread(() =>
            {
                for (var tile = queue.Take(worker, tiles); tile >= 0; tile = queue.Take(worker, tiles))
                    Interlocked.Increment(ref taken[tile]);
            })).ToArray();
            foreach (var thread in threads)
                thread.Start();
            foreach (var thread in threads)
                Assert.True(thread.Join(TimeSpan.FromSeconds(20)));
            Assert.All(taken, times => Assert.Equal(1, times));
            queue.Reset();
        }
    }

    [Fact]
    public void AWorkerBeginsWithItsOwnStretchAndThenTakesFromTheOthers()
    {
        var queue = new TileQueue(2);
        Assert.Equal([4, 5, 6, 7, 0, 1], Enumerable.Range(0, 6).Select(_ => queue.Take(1, 8)));
        Assert.Equal([2, 3, -1], Enumerable.Range(0, 3).Select(_ => queue.Take(0, 8)));
    }
}

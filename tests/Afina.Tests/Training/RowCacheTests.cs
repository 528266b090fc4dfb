using Afina.Training;
using Xunit;

namespace Afina.Tests.Training;

public sealed class RowCacheTests
{
    [Fact]
    public void A_segment_is_found_by_its_tokens_after_the_segments_before_it()
    {
        var cache = new RowCache(1000);
        var first = cache.Add(RowCache.Nothing, new[] { 1, 2 }, [10, 20]);
        var other = cache.Add(RowCache.Nothing, new[] { 1, 3 }, [11, 30]);
        var below = cache.Add(first, new[] { 4 }, [40]);

        Assert.Equal(first, cache.Find(RowCache.Nothing, new[] { 1, 2 }));
        Assert.Equal(below, cache.Find(first, new[] { 4 }));
        Assert.Equal([40], cache[below].ToArray());
        Assert.Equal(RowCache.Missing, cache.Find(other, new[] { 4 }));
        Assert.Equal(RowCache.Missing, cache.Find(RowCache.Nothing, new[] { 4 }));
        Assert.Equal(RowCache.Missing, cache.Find(RowCache.Missing, new[] { 4 }));
    }

    [Fact]
    public void What_does_not_fit_is_not_kept_and_what_is_there_is_kept_once()
    {
        var cache = new RowCache(3);
        var first = cache.Add(RowCache.Nothing, new[] { 1, 2 }, [10, 20]);

        Assert.Equal(RowCache.Missing, cache.Add(RowCache.Nothing, new[] { 5, 6 }, [50, 60]));
        Assert.Equal(first, cache.Add(RowCache.Nothing, new[] { 1, 2 }, [10, 20]));
        Assert.Equal(2, cache.Bytes);
    }
}

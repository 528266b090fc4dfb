using Xunit;

namespace Afina.Tests.Formats;

/// <summary>Damaged copies of a small file, to be refused in words.</summary>
internal static class Hostile
{
    /// <summary>Opens <paramref name="count"/> copies of a file with bytes flipped, cut off, repeated or overwritten, and allows each to
    /// succeed or to be refused in one line of <see cref="InvalidDataException"/>, within bounded memory.</summary>
    public static void Fuzz(byte[] good, int count, Action<string> open, int headerBytes)
    {
        var random = new Random(20_26);
        using var folder = new TemporaryFolder();
        var refused = 0;
        for (var i = 0; i < count; i++)
        {
            var bad = Damage(good, headerBytes, random);
            var path = folder.File($"bad{i % 8}");
            File.WriteAllBytes(path, bad);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                open(path);
            }
            catch (InvalidDataException error)
            {
                Assert.DoesNotContain('\n', error.Message);
                refused++;
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 64 * (bad.Length + 65_536L), $"copy {i}: {allocated} bytes were allocated for a file of {bad.Length}");
        }

        Assert.True(refused > count / 4, $"only {refused} of {count} were refused");
    }

    private static byte[] Damage(byte[] good, int headerBytes, Random random)
    {
        var bad = good.ToArray();
        switch (random.Next(6))
        {
            case 0:
                return bad[..random.Next(bad.Length)];
            case 1:
                return [.. bad, .. new byte[random.Next(1, 64)]];
            case 2:
                var at = random.Next(headerBytes - 8);
                BitConverter.GetBytes(random.NextInt64() >> random.Next(64)).CopyTo(bad, at);
                return bad;
            case 3:
                var (from, to) = (random.Next(headerBytes), random.Next(headerBytes));
                var length = random.Next(1, headerBytes - Math.Max(from, to) + 1);
                Array.Copy(bad, from, bad, to, length);
                return bad;
            default:
                for (var n = random.Next(1, 4); n > 0; n--)
                    bad[random.Next(headerBytes)] ^= (byte)(1 << random.Next(8));
                return bad;
        }
    }
}

using Xunit;

namespace Afina.Tests;

/// <summary>The folder of values that other programs computed, beside the checkout; tests that need it skip loudly without it.</summary>
internal static class Shared
{
    /// <summary>A path in the shared folder.</summary>
    public static string Path(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Afina.slnx")))
            {
                var path = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder.FullName, "..", "shared", relative));
                Assert.SkipUnless(System.IO.Path.Exists(path), $"SKIPPED: {relative} is not there (the shared folder lies beside the checkout)");
                return path;
            }
        }

        throw new InvalidOperationException("the tests run outside the checkout");
    }
}

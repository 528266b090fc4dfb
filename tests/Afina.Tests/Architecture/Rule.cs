using Xunit;

namespace Afina.Tests.Architecture;

/// <summary>A rule of this folder fails with every violation in full, where the assertions of the framework would cut the list.</summary>
internal static class Rule
{
    public static void Holds(IEnumerable<string?> violations)
    {
        var all = violations.Distinct().ToList();
        if (all.Count > 0)
        {
            Assert.Fail($"{all.Count} against the rule:\n  {string.Join("\n  ", all)}");
        }
    }
}

using Afina.Conformance;
using Afina.Conformance.Kinds;
using Afina.Engine.Tensors;
using Xunit;
using Ending = Afina.Conformance.Outcome;

namespace Afina.EndToEnd;

/// <summary>Every supported case of the values that other programs computed, kind by kind; real runs of minutes are left to the runner.</summary>
public class ConformanceTests
{
    public static TheoryData<string> Kinds() => [.. Runner.Supported.Where(kind => kind != "curve").Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Values_that_other_programs_computed_are_met(string kind)
    {
        var cases = Case.Find(Shared("conformance")).Where(@case => @case.Kind == kind).ToArray();
        Assert.SkipUnless(cases.Length > 0, $"SKIPPED: there are no cases of kind {kind}");
        var results = cases.Select(Runner.Run).ToArray();
        var failed = results.Where(result => result.Outcome == Ending.Failed).Select(result => $"{result.Case.Name}: {result.Message}").ToArray();
        Assert.True(failed.Length == 0, string.Join('\n', failed));
        Assert.Contains(results, result => result.Outcome == Ending.Passed);
    }

    [Fact]
    public void Trainings_in_bf16_lose_at_each_step_what_those_in_fp32_do_within_two_percent()
    {
        var cases = Case.Find(Shared("conformance")).Where(@case => @case.Kind == "training").ToArray();
        try
        {
            CurveKind.Type = DType.BF16;
            var results = cases.Select(Runner.Run).ToArray();
            Assert.All(results, result => Assert.True(result.Outcome != Ending.Failed, $"{result.Case.Name}: {result.Message}"));
            Assert.Contains(results, result => result.Outcome == Ending.Passed);
        }
        finally
        {
            CurveKind.Type = DType.F32;
        }
    }

    private static string Shared(string relative)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Afina.slnx")))
            folder = folder.Parent;
        var path = Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", relative));
        Assert.SkipUnless(Directory.Exists(path), $"SKIPPED: {relative} is not there (the shared folder lies beside the checkout)");
        return path;
    }
}

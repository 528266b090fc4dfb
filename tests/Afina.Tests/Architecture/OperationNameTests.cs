using System.Text.RegularExpressions;
using Xunit;

namespace Afina.Tests.Architecture;

/// <summary>One operation is one name in every folder: its contract, its oracle, its kernel, its test.</summary>
public sealed partial class OperationNameTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("src/Afina.Engine/Reference/{0}.cs")]
    [InlineData("src/Afina.Engine/Cpu/Kernels/{0}.cs")]
    [InlineData("tests/Afina.Tests/Engine/Ops/{0}Tests.cs")]
    public void Every_operation_has_its_file(string pattern)
    {
        var folder = pattern[..pattern.LastIndexOf('/')];
        if (!Checkout.Has(folder))
        {
            output.WriteLine($"{folder} is not there yet: nothing to compare");
            return;
        }

        var missing = Operations().Select(name => pattern.Replace("{0}", name)).Where(path => !File.Exists(Path.Combine(Checkout.Root, path)));

        Rule.Holds(missing);
    }

    private static IEnumerable<string> Operations() =>
        Checkout.Sources("src/Afina.Engine/Ops").Where(path => Declaration().IsMatch(Checkout.ReadCode(path))).Select(path => Path.GetFileNameWithoutExtension(path));

    [GeneratedRegex(@"\b(record|class)\s+\w+[^;{]*:\s*(Operation|ParameterUpdate)\b")]
    private static partial Regex Declaration();
}

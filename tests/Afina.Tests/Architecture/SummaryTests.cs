using System.Reflection;
using System.Xml.Linq;
using Xunit;

namespace Afina.Tests.Architecture;

/// <summary>What a user of the library can name is explained.</summary>
public sealed class SummaryTests
{
    [Theory]
    [InlineData("Afina.Engine")]
    [InlineData("Afina")]
    [InlineData("Afina.Cli")]
    public void Every_public_type_has_a_summary(string assembly)
    {
        var summaries = XDocument.Load(Path.Combine(AppContext.BaseDirectory, assembly + ".xml")).Descendants("member")
            .Where(member => !string.IsNullOrWhiteSpace(member.Element("summary")?.Value))
            .Select(member => member.Attribute("name")!.Value)
            .ToHashSet();
        var without = Assembly.Load(assembly).GetExportedTypes()
            .Where(type => !summaries.Contains("T:" + type.FullName!.Replace('+', '.')))
            .Select(type => type.FullName);

        Rule.Holds(without);
    }

    [Fact]
    public void The_command_line_has_nothing_public() => Rule.Holds(Assembly.Load("Afina.Cli").GetExportedTypes().Select(type => type.FullName));
}

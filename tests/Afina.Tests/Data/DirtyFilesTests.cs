using Afina.Data;
using Afina.Data.Preparation;
using Afina.Text.Tokenizers;
using Xunit;

namespace Afina.Tests.Data;

/// <summary>Reading the real files with seeded faults.</summary>
public sealed class DirtyFilesTests
{
    [Theory]
    [InlineData("broken.jsonl", "2 3 4 5 7 10 11 12 13 19 23 26 27 29 32 34")]
    [InlineData("broken.csv", "3 4 5 9")]
    [InlineData("mixed-encoding.jsonl", "2 4 6 8 10 12")]
    [InlineData("bom-crlf.jsonl", "")]
    [InlineData("utf16.jsonl", "")]
    public void Every_line_that_cannot_be_read_is_named_and_no_other(string file, string lines)
    {
        var set = RowSet.Load(new DataSource(Shared.Path("data/dirty/" + file)), new ReadOptions(SkipBadRows: true));
        var bad = set.Findings.Where(finding => finding.Kind == FindingKind.BadRow).ToList();
        Assert.Equal(lines, string.Join(' ', bad.Select(finding => finding.Line)));
    }

    [Theory]
    [InlineData("roles.jsonl", "2 6 8 10 13 17 18 19 23")]
    [InlineData("mixed-layout.jsonl", "7 8 9")]
    public void Every_row_that_cannot_be_trained_is_named_and_no_other(string file, string lines)
    {
        var rows = RowSet.Load(new DataSource(Shared.Path("data/dirty/" + file)), new ReadOptions(SkipBadRows: true)).Rows;
        var encoder = new ChatEncoder(Tokenizer.Load(Shared.Path("conformance/tokenizers/smollm2")), new ChatEncoderOptions());
        var findings = new List<Finding>();
        new SupervisedPreparation(encoder, new PreparationOptions { SkipBadRows = true }).Prepare(rows, null, findings);
        Assert.Equal(lines, string.Join(' ', findings.Where(finding => finding.Kind == FindingKind.BadRow).Select(finding => finding.Line)));
    }
}

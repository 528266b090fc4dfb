using System.IO.Compression;
using System.Text;
using Afina.Data;
using Xunit;

namespace Afina.Tests.Data;

public sealed class ReadingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("afina-rows").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    private string Write(string name, byte[] bytes)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private static string Refusal(string path, ReadOptions? options = null) =>
        Assert.Throws<InvalidDataException>(() => RowSet.Load(new DataSource(path), options)).Message;

    [Fact]
    public void Rows_keep_their_lines_over_blank_lines_marks_and_both_line_ends()
    {
        var path = Write("a.jsonl", "\uFEFF{\"text\": \"a\"}\r\n\r\n  \n{\"text\": \"b\"}\n{\"text\": \"c\"}");
        var set = RowSet.Load(new DataSource(path));
        Assert.Equal([1, 4, 5], set.Rows.Select(row => row.Line));
        Assert.Equal("abc", string.Concat(set.Rows.Select(row => row.Columns["text"]!.GetValue<string>())));
    }

    [Fact]
    public void The_first_bad_row_is_named_with_how_many_there_are_and_what_to_do()
    {
        var path = Write("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \n{\"text\": 1,}\n");
        Assert.Equal($"{path}:2: the object is cut off before its end: complete or delete the line (2 of 3 rows; skip bad rows to leave them out)", Refusal(path));
        var set = RowSet.Load(new DataSource(path), new ReadOptions(SkipBadRows: true));
        Assert.Single(set.Rows);
        Assert.Equal([2, 3], set.Findings.Select(finding => finding.Line));
    }

    [Theory]
    [InlineData("[1]", "one object a line")]
    [InlineData("{\"a\": 1, \"a\": 2}", "('a'): keep one")]
    [InlineData("{\"a\": NaN}", "NaN and Infinity are not JSON")]
    [InlineData("{\"a\": \"\\q\"}", "write \\\\ for a backslash")]
    [InlineData("{\"a\": \"\t\"}", "control character")]
    [InlineData("{\"a\": \"\\ud800\"}", "half a character")]
    [InlineData("{\"a\": [1,]}", "a comma stands before a closing bracket")]
    [InlineData("{\"a\": 1} {\"a\": 2}", "write one object a line")]
    [InlineData("null", "this one is a null")]
    [InlineData("hello", "a row must be a JSON object")]
    public void What_is_wrong_with_a_line_is_said_in_words(string line, string words)
    {
        var message = Refusal(Write("a.jsonl", line));
        Assert.Contains(words, message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_deeply_nested_line_is_refused_not_overflowed() =>
        Assert.Contains(":1:", Refusal(Write("a.jsonl", "{\"a\":" + new string('[', 100_000))));

    [Fact]
    public void A_line_longer_than_allowed_is_refused_and_the_next_one_is_read()
    {
        var path = Write("a.jsonl", "{\"text\": \"" + new string('x', 300_000) + "\"}\n{\"text\": \"b\"}\n");
        Assert.Contains(":1: the line is too long", Refusal(path, new ReadOptions(LongestRow: 100_000)));
        var set = RowSet.Load(new DataSource(path), new ReadOptions(SkipBadRows: true, LongestRow: 100_000));
        Assert.Equal(2, Assert.Single(set.Rows).Line);
        Assert.Equal(2, RowSet.Load(new DataSource(path)).Rows.Count);
    }

    [Fact]
    public void Gzip_is_unpacked_by_its_first_bytes_and_a_damaged_one_is_named()
    {
        var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest))
            zip.Write(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 5000).Select(i => $"{{\"text\": \"{i}\"}}\n"))));
        Assert.Equal(5000, RowSet.Load(new DataSource(Write("a.jsonl.gz", packed.ToArray()))).Rows.Count);
        Assert.Contains("cannot be read", Refusal(Write("b.jsonl.gz", packed.ToArray()[..2000])));
    }

    [Fact]
    public void Utf16_with_a_mark_is_read_and_noted()
    {
        var set = RowSet.Load(new DataSource(Write("a.jsonl", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("{\"text\": \"ñ\"}\n")])));
        Assert.Equal("ñ", set.Rows[0].Columns["text"]!.GetValue<string>());
        Assert.Equal(FindingKind.Converted, Assert.Single(set.Findings).Kind);
    }

    [Theory]
    [InlineData("[\n {\"text\": \"a\"},\n\n {\"text\":\n \"b\"}\n]", "2 4")]
    [InlineData("{\"version\": [1], \"data\": [{\"text\": \"a\"},\n{\"text\": \"b\"}], \"more\": {}}", "1 2")]
    [InlineData("{\"text\": \"a\"}\n{\"text\": \"b\"}\n", "1 2")]
    public void A_json_file_is_an_array_or_has_one_under_data_or_is_jsonl(string text, string lines) =>
        Assert.Equal(lines, string.Join(' ', RowSet.Load(new DataSource(Write("a.json", text))).Rows.Select(row => row.Line)));

    [Fact]
    public void A_json_file_that_breaks_off_names_the_line()
    {
        var path = Write("a.json", "[{\"text\": \"a\"},\n{\"text\": }]");
        Assert.Contains($"{path}:2: the JSON breaks off here", Refusal(path));
        Assert.Contains(":2: a row must be an object", Refusal(Write("b.json", "[{\"text\": \"a\"},\n7]")));
        Assert.Contains("must be an array of objects", Refusal(Write("c.json", "{\"text\": \"a\"\n}")));
    }

    [Fact]
    public void Csv_cells_are_texts_and_may_hold_commas_quotes_and_line_breaks()
    {
        var set = RowSet.Load(new DataSource(Write("a.csv", "text,label\r\n\"a, \"\"b\"\"\nc\",x\r\n5\" pipe,y\r\n")));
        Assert.Equal(["a, \"b\"\nc", "5\" pipe"], set.Rows.Select(row => row.Columns["text"]!.GetValue<string>()));
        Assert.Equal([2, 4], set.Rows.Select(row => row.Line));
        Assert.Equal("b", RowSet.Load(new DataSource(Write("a.tsv", "text\tlabel\na\tb\n"))).Rows[0].Columns["label"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("a;b\n1;2\n", "semicolons")]
    [InlineData("a,a\n1,2\n", "same name")]
    [InlineData("a,b\n1\n", ":2: 1 cell")]
    [InlineData("a,b\n\"1\"x,2\n", "closing quote")]
    [InlineData("a,b\n", "no rows")]
    [InlineData("", "no rows")]
    public void What_is_wrong_with_a_csv_file_is_said_in_words(string text, string words) =>
        Assert.Contains(words, Refusal(Write("a.csv", text)));

    [Fact]
    public void A_missing_file_is_answered_with_its_neighbour()
    {
        Write("support.jsonl", "{}");
        Assert.Contains("(did you mean support.jsonl?)", Assert.Throws<FileNotFoundException>(() => RowSet.Load(new DataSource(Path.Combine(_folder, "suport.jsonl")))).Message);
        Assert.Contains("rename or convert", Refusal(Write("a.parquet", "x")));
    }

    [Fact]
    public void A_weight_follows_the_last_colon_and_a_split_takes_part_of_the_rows()
    {
        var path = Write("train.jsonl", string.Concat(Enumerable.Range(0, 10).Select(i => $"{{\"i\": {i}}}\n")));
        Assert.Equal(0.5, DataSource.Parse(path + ":0.5").Weight);
        Assert.Equal(path, DataSource.Parse(path).Path);
        Assert.Throws<FormatException>(() => DataSource.Parse("a.jsonl:0"));
        string Lines(string split) => string.Join(' ', RowSet.Load(new DataSource(_folder, Split: split)).Rows.Select(row => row.Line));
        Assert.Equal("1 2 3", Lines("train[:3]"));
        Assert.Equal("9 10", Lines("train[80%:]"));
        Assert.Equal("10", Lines("[-1:]"));
        Assert.Throws<FormatException>(() => Lines("train[a:b]"));
        Assert.Contains("no valid.jsonl", Assert.Throws<FileNotFoundException>(() => Lines("valid")).Message);
    }
}

using System.IO.Compression;
using System.Text;
using Afina.Data;
using CsCheck;
using Xunit;

namespace Afina.Tests.Data;

/// <summary>Damaged files of every layout: a row, a named fault, or a refusal in one line; never anything else.</summary>
public sealed class ReadingFuzzTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("afina-fuzz").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static readonly byte[] Rows = Encoding.UTF8.GetBytes("""
        {"prompt": "caf\u00e9 \ud83d\ude00", "completion": [1, -2.5e3, true, null, {"a": []}]}
        {"text": "año, \"quoted\"\n"}

        {"messages": [{"role": "user", "content": "x"}]}
        """);

    private static readonly byte[] Array = Encoding.UTF8.GetBytes("""{"data": [{"text": "a"}, {"text": "b", "n": [1, {"c": "d"}]}], "more": 1}""");

    private static readonly byte[] Table = Encoding.UTF8.GetBytes("text,label\r\n\"a, \"\"b\"\"\r\nc\",x\r\nd,e\r\n");

    private static byte[] Packed(byte[] bytes)
    {
        var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest))
            zip.Write(bytes);
        return packed.ToArray();
    }

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.json")]
    [InlineData("a.csv")]
    [InlineData("a.jsonl.gz")]
    public void Damage_is_answered_in_one_line(string name)
    {
        var whole = name switch { "a.json" => Array, "a.csv" => Table, "a.jsonl.gz" => Packed(Rows), _ => Rows };
        var path = Path.Combine(_folder, name);
        var damage = Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Int[0, 4], Gen.Byte);
        damage.Array[1, 4].Sample(changes =>
        {
            var bytes = whole.ToList();
            foreach (var (at, kind, value) in changes)
            {
                var place = Math.Min(at, bytes.Count - 1);
                if (kind == 0 && bytes.Count > 1)
                    bytes.RemoveRange(place, bytes.Count - place - (place == 0 ? 1 : 0));
                else if (kind == 1)
                    bytes.Insert(place, value);
                else if (kind == 2)
                    bytes.InsertRange(place, bytes[..Math.Min(20, bytes.Count)]);
                else
                    bytes[place] = kind == 3 ? value : (byte)"\"{}[],:\\\n\r\0"[value % 11];
                if (bytes.Count == 0)
                    bytes.Add(0);
            }

            File.WriteAllBytes(path, [.. bytes]);
            try
            {
                var set = RowSet.Load(new DataSource(path), new ReadOptions(SkipBadRows: true));
                foreach (var row in set.Rows)
                    _ = row.Columns.ToJsonString();
                Assert.All(set.Findings, finding => Assert.DoesNotContain('\n', finding.ToString()));
            }
            catch (InvalidDataException refusal)
            {
                Assert.StartsWith(path, refusal.Message);
                Assert.DoesNotContain('\n', refusal.Message);
            }
        }, iter: 400, threads: 1);
    }
}

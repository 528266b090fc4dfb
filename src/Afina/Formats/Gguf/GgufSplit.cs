namespace Afina.Formats.Gguf;

/// <summary>Models that llama.cpp split over several files: the first has the metadata, every file says which one it is.</summary>
internal static class GgufSplit
{
    private const int Most = 1000;

    /// <summary>The paths of the other files; none for a model in one file.</summary>
    public static IEnumerable<string> Others(string path, IReadOnlyDictionary<string, object> metadata)
    {
        var name = Path.GetFileName(path);
        var count = Number(metadata, "split.count");
        if (count is null or 0 or 1)
            yield break;
        if (count is < 0 or > Most)
            throw Refusal.For($"{name}: split.count is {count}; up to {Most} files are read");
        var number = Number(metadata, "split.no") ?? 0;
        if (number != 0)
            throw Refusal.For($"{name}: this is part {number + 1} of {count}; give the first part, which has the metadata");
        var ending = FormattableString.Invariant($"-00001-of-{count:D5}.gguf");
        if (!name.EndsWith(ending, StringComparison.Ordinal))
            throw Refusal.For($"{name}: the first of {count} parts must be named ...{ending}, or the others cannot be found");
        for (var i = 2; i <= count; i++)
        {
            var other = FormattableString.Invariant($"{path[..^ending.Length]}-{i:D5}-of-{count:D5}.gguf");
            if (!File.Exists(other))
                throw Refusal.For($"{name}: part {i} of {count} is not beside it; fetch {Path.GetFileName(other)} too");
            yield return other;
        }
    }

    /// <summary>Checks that all parts together have as many tensors as the first one says.</summary>
    public static void CheckCount(GgufFile file)
    {
        if (Number(file.Metadata, "split.count") > 1 && Number(file.Metadata, "split.tensors.count") is { } expected && expected != file.Tensors.Count)
            throw Refusal.For($"{file.File.Name}: the parts have {file.Tensors.Count} tensors together, but {expected} were written; fetch them again");
    }

    private static long? Number(IReadOnlyDictionary<string, object> metadata, string key) => metadata.GetValueOrDefault(key) switch
    {
        byte number => number,
        sbyte number => number,
        ushort number => number,
        short number => number,
        uint number => number,
        int number => number,
        _ => null,
    };
}

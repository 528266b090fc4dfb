namespace Afina.Data.Ordering;

/// <summary>Chooses rows to hold out of training.</summary>
public static class HeldOut
{
    /// <summary>Splits rows by a seed. A row's side depends on its contents, so the same row never stands on both sides, and adding rows
    /// moves few others.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="size">Below 1 the share to hold out, from 1 on the number of rows; 0 holds nothing out.</param>
    /// <param name="seed">The seed.</param>
    /// <exception cref="ArgumentException">Nothing would be left to train on.</exception>
    public static (IReadOnlyList<Row> Train, IReadOnlyList<Row> Held) Split(IReadOnlyList<Row> rows, double size, long seed)
    {
        if (!(size >= 0))
            throw new ArgumentException($"val_set_size {size}: must be 0 or more", nameof(size));
        var wanted = (int)Math.Min(rows.Count, size < 1 ? Math.Round(size * rows.Count, MidpointRounding.AwayFromZero) : size);
        if (size > 0 && wanted == 0)
            wanted = 1;
        if (wanted == 0)
            return (rows, []);

        var keys = rows.Select(row => RowKeys.Of(row, seed)).ToArray();
        var limit = keys.Order().ElementAt(wanted - 1);
        var train = rows.Where((_, i) => keys[i] > limit).ToList();
        if (train.Count == 0)
            throw new ArgumentException($"holding {size} out of {rows.Count} rows leaves none to train on: lower val_set_size", nameof(size));
        return (train, rows.Where((_, i) => keys[i] <= limit).ToList());
    }
}

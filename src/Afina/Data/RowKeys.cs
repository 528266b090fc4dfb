using System.IO.Hashing;
using System.Text;

namespace Afina.Data;

/// <summary>Tells whether rows are the same.</summary>
internal static class RowKeys
{
    /// <summary>The same for rows with the same columns.</summary>
    public static UInt128 Of(Row row, long seed = 0) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(row.Columns.ToJsonString()), seed);
}

using System.Numerics;

namespace Afina.Text.Templates.Values;

/// <summary>Python's == and hash.</summary>
internal static class Equality
{
    public static bool Equal(object? a, object? b)
    {
        Budget.Current.Spend(1);
        if (ReferenceEquals(a, b))
            return a is not double d || !double.IsNaN(d);
        switch (a, b)
        {
            case (string x, string y):
                return x == y;
            case (null, _) or (_, null):
                return false;
            case (Undefined, Undefined):
                return true;
            case (List<object?> x, List<object?> y):
                return Items(x, y);
            case (TupleValue x, TupleValue y):
                return Items(x.Items, y.Items);
            case (DictValue x, DictValue y):
                Budget.CheckStack();
                return x.Count == y.Count && x.Items.All(item => y.TryGet(item.Key, out var other) && Equal(item.Value, other));
            case (RangeValue x, RangeValue y):
                return x.Count == y.Count && (x.Count == 0 || (x.Start == y.Start && (x.Count == 1 || x.Step == y.Step)));
            case (DictView { Kind: not DictViewKind.Values } x, DictView { Kind: not DictViewKind.Values } y):
                return x.Dict.Count == y.Dict.Count && x.Iterate().All(item => Sequences.Contains(y, item));
            case (BytesValue x, BytesValue y):
                return x.Bytes.AsSpan().SequenceEqual(y.Bytes);
        }

        if (Kinds.IsText(a, out var left))
            return Kinds.IsText(b, out var right) && left == right;
        return Numbers.IsNumber(a) && Numbers.IsNumber(b) && Numbers.Compare(a, b) == 0;
    }

    public static int Hash(object? value)
    {
        Budget.Current.Spend(1);
        return value switch
        {
            null => 0,
            bool b => b ? 1L.GetHashCode() : 0L.GetHashCode(),
            long n => n.GetHashCode(),
            BigInteger n => n.GetHashCode(),
            double d => HashOf(d),
            string s => s.GetHashCode(),
            Markup m => m.Text.GetHashCode(),
            TupleValue tuple => tuple.Hash(),
            List<object?> or DictValue => throw new EngineException($"unhashable type: '{Kinds.Name(value)}'"),
            Undefined => 1,
            BytesValue bytes => bytes.Bytes.Length,
            _ => value.GetHashCode(),
        };
    }

    private static int HashOf(double value)
    {
        if (value != Math.Floor(value) || double.IsInfinity(value))
            return value.GetHashCode();
        return Math.Abs(value) < long.MaxValue ? ((long)value).GetHashCode() : new BigInteger(value).GetHashCode();
    }

    private static bool Items(IReadOnlyList<object?> a, IReadOnlyList<object?> b)
    {
        Budget.CheckStack();
        if (a.Count != b.Count)
            return false;
        for (var i = 0; i < a.Count; i++)
        {
            if (!Equal(a[i], b[i]))
                return false;
        }

        return true;
    }
}

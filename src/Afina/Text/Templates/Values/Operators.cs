using System.Text;
using Afina.Text.Templates.Syntax;

namespace Afina.Text.Templates.Values;

/// <summary>Python's arithmetic operators on all values.</summary>
internal static class Operators
{
    public static object? Apply(BinaryOperator kind, object? a, object? b)
    {
        if (kind == BinaryOperator.Modulo && Kinds.IsText(a, out var format))
            return a is Markup ? new Markup(PercentFormat.Apply(format, b, escape: true)) : PercentFormat.Apply(format, b, escape: false);
        Kinds.Defined(a);
        Kinds.Defined(b);
        if (Numbers.IsNumber(a) && Numbers.IsNumber(b))
        {
            return kind switch
            {
                BinaryOperator.Add => Numbers.Add(a, b),
                BinaryOperator.Subtract => Numbers.Subtract(a, b),
                BinaryOperator.Multiply => Numbers.Multiply(a, b),
                BinaryOperator.Divide => Numbers.Divide(a, b),
                BinaryOperator.FloorDivide => Numbers.FloorDivide(a, b),
                BinaryOperator.Modulo => Numbers.Modulo(a, b),
                _ => Numbers.Power(a, b),
            };
        }

        return kind switch
        {
            BinaryOperator.Add => Add(a, b),
            BinaryOperator.Multiply when Numbers.IsInteger(b) && IsRepeatable(a) => Repeat(a, Numbers.ToIndex(b)),
            BinaryOperator.Multiply when Numbers.IsInteger(a) && IsRepeatable(b) => Repeat(b, Numbers.ToIndex(a)),
            _ => throw Unsupported(Symbol(kind), a, b),
        };
    }

    /// <summary>Joins the texts of values, as the ~ operator does.</summary>
    public static string Concat(object?[] parts)
    {
        if (parts.Length == 2)
        {
            var (x, y) = (TextForm.Str(parts[0]), TextForm.Str(parts[1]));
            Budget.Current.SpendText((long)x.Length + y.Length);
            return string.Concat(x, y);
        }

        var result = new StringBuilder();
        foreach (var part in parts)
        {
            result.Append(TextForm.Str(part));
            Budget.Current.Grow(result.Length, 32);
        }

        return result.ToString();
    }

    public static object Negate(object? value) =>
        Numbers.IsNumber(Kinds.Defined(value)) ? Numbers.Negate(value) : throw new EngineException($"bad operand type for unary -: '{Kinds.Name(value)}'");

    public static object Plus(object? value) => Kinds.Defined(value) switch
    {
        bool b => b ? 1L : 0L,
        { } number when Numbers.IsNumber(number) => number,
        _ => throw new EngineException($"bad operand type for unary +: '{Kinds.Name(value)}'"),
    };

    private static object Add(object? a, object? b)
    {
        if (a is string x && b is string y)
        {
            Budget.Current.SpendText((long)x.Length + y.Length);
            return x + y;
        }

        if (Kinds.IsText(a, out var left) && Kinds.IsText(b, out var right))
            return new Markup((a is Markup ? left : Escaping.Escape(left)) + (b is Markup ? right : Escaping.Escape(right)));
        switch (a, b)
        {
            case (List<object?> p, List<object?> q):
                Budget.Current.SpendItems((long)p.Count + q.Count);
                return new List<object?>([.. p, .. q]);
            case (TupleValue p, TupleValue q):
                Budget.Current.SpendItems((long)p.Items.Length + q.Items.Length);
                return new TupleValue([.. p.Items, .. q.Items]);
            case (BytesValue p, BytesValue q):
                return new BytesValue([.. p.Bytes, .. q.Bytes]);
        }

        throw a is string or Markup or List<object?> or TupleValue
            ? new EngineException($"can only concatenate {Kinds.Name(a)} (not \"{Kinds.Name(b)}\") to {Kinds.Name(a)}")
            : Unsupported("+", a, b);
    }

    private static bool IsRepeatable(object? value) => value is string or Markup or List<object?> or TupleValue;

    private static object Repeat(object? value, long count)
    {
        count = Math.Max(count, 0);
        switch (value)
        {
            case List<object?> list: return RepeatItems(list, count);
            case TupleValue tuple: return new TupleValue([.. RepeatItems(tuple.Items, count)]);
        }

        Kinds.IsText(value, out var text);
        Budget.Current.SpendText(text.Length == 0 ? 0 : count > int.MaxValue ? count : text.Length * count);
        var repeated = text.Length == 0 ? "" : new StringBuilder(text.Length * (int)count).Insert(0, text, (int)count).ToString();
        return value is Markup ? new Markup(repeated) : repeated;
    }

    private static List<object?> RepeatItems(IReadOnlyCollection<object?> items, long count)
    {
        if (items.Count == 0)
            return [];
        Budget.Current.SpendItems(count > int.MaxValue ? count : items.Count * count);
        var result = new List<object?>();
        for (var i = 0L; i < count; i++)
            result.AddRange(items);
        return result;
    }

    private static string Symbol(BinaryOperator kind) => kind switch
    {
        BinaryOperator.Add => "+",
        BinaryOperator.Subtract => "-",
        BinaryOperator.Multiply => "*",
        BinaryOperator.Divide => "/",
        BinaryOperator.FloorDivide => "//",
        BinaryOperator.Modulo => "%",
        _ => "** or pow()",
    };

    private static EngineException Unsupported(string symbol, object? a, object? b) =>
        new($"unsupported operand type(s) for {symbol}: '{Kinds.Name(a)}' and '{Kinds.Name(b)}'");
}

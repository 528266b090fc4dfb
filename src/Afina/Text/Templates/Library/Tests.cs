using System.Collections.Frozen;
using System.Numerics;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Library;

/// <summary>The tests that stand after <c>is</c>.</summary>
internal static class Tests
{
    private static readonly FrozenDictionary<string, Func<object?, Arguments, bool>> ByName = new Dictionary<string, Func<object?, Arguments, bool>>
    {
        ["defined"] = (value, _) => value is not Undefined,
        ["undefined"] = (value, _) => value is Undefined,
        ["none"] = (value, _) => value is null,
        ["boolean"] = (value, _) => value is bool,
        ["true"] = (value, _) => value is true,
        ["false"] = (value, _) => value is false,
        ["integer"] = (value, _) => value is long or BigInteger,
        ["float"] = (value, _) => value is double,
        ["number"] = (value, _) => Numbers.IsNumber(value),
        ["string"] = (value, _) => value is string or Markup,
        ["mapping"] = (value, _) => value is DictValue,
        ["sequence"] = (value, _) => value is string or List<object?> or DictValue or TupleValue or Markup or RangeValue or BytesValue or Undefined,
        ["iterable"] = (value, _) => Sequences.IsIterable(value),
        ["callable"] = (value, _) => value is Callable or Undefined,
        ["escaped"] = (value, _) => value is Markup,
        ["lower"] = (value, _) => Casing.IsLower(TextForm.Str(value)),
        ["upper"] = (value, _) => Casing.IsUpper(TextForm.Str(value)),
        ["filter"] = (value, _) => value is string name && Filters.Known(name),
        ["test"] = (value, _) => value is string name && Known(name),
        ["odd"] = (value, _) => Equality.Equal(Operators.Apply(Syntax.BinaryOperator.Modulo, value, 2L), 1L),
        ["even"] = (value, _) => Equality.Equal(Operators.Apply(Syntax.BinaryOperator.Modulo, value, 2L), 0L),
        ["divisibleby"] = (value, arguments) => Equality.Equal(Operators.Apply(Syntax.BinaryOperator.Modulo, value, arguments.Required("num")), 0L),
        ["sameas"] = (value, arguments) => Same(value, arguments.Required("other")),
        ["in"] = (value, arguments) => Sequences.Contains(arguments.Required("seq"), value),
        ["eq"] = Equal,
        ["equalto"] = Equal,
        ["=="] = Equal,
        ["ne"] = (value, arguments) => !Equal(value, arguments),
        ["!="] = (value, arguments) => !Equal(value, arguments),
        ["lt"] = Order("<", order => order < 0),
        ["lessthan"] = Order("<", order => order < 0),
        ["<"] = Order("<", order => order < 0),
        ["le"] = Order("<=", order => order <= 0),
        ["<="] = Order("<=", order => order <= 0),
        ["gt"] = Order(">", order => order > 0),
        ["greaterthan"] = Order(">", order => order > 0),
        [">"] = Order(">", order => order > 0),
        ["ge"] = Order(">=", order => order >= 0),
        [">="] = Order(">=", order => order >= 0),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Whether there is such a test.</summary>
    public static bool Known(string name) => ByName.ContainsKey(name);

    /// <summary>Applies a test.</summary>
    public static bool Apply(string name, object? value, Arguments arguments)
    {
        Budget.Current.Spend(1);
        if (!ByName.TryGetValue(name, out var test))
            throw new EngineException($"there is no test named '{name}'");
        var holds = test(value, arguments);
        arguments.End();
        return holds;
    }

    private static bool Equal(object? value, Arguments arguments) => Equality.Equal(value, arguments.Required("other"));

    private static Func<object?, Arguments, bool> Order(string symbol, Func<int, bool> holds) =>
        (value, arguments) => Ordering.Compare(value, arguments.Required("other"), symbol) is { } order && holds(order);

    private static bool Same(object? a, object? b) => ReferenceEquals(a, b) || (a, b) switch
    {
        (bool x, bool y) => x == y,
        (long x, long y) => x == y,
        (double x, double y) => x.Equals(y),
        (string x, string y) => x == y,
        _ => false,
    };
}

using Afina.Text.Templates.Library;
using Afina.Text.Templates.Syntax;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Execution;

internal sealed partial class Interpreter
{
    private object? Evaluate(Expression expression, Activation frame)
    {
        switch (expression)
        {
            case Literal literal: return literal.Value;
            case Name name: return Load(name, frame);
        }

        _budget.Spend(1);
        Budget.CheckStack();
        switch (expression)
        {
            case Syntax.Attribute attribute:
                return Members.Attribute(Evaluate(attribute.Target, frame), attribute.Id);
            case Subscript subscript:
                return EvaluateSubscript(subscript, frame);
            case Call call:
                return Evaluate(call, frame, null);
            case Filter filter:
                return Evaluate(filter, null, frame);
            case Test test:
                var tested = Evaluate(test.Input, frame);
                return Tests.Apply(test.Id, tested, EvaluateArguments(test.Id, test.Arguments, frame));
            case Compare compare:
                return EvaluateCompare(compare, frame);
            case Logical logical:
                var left = Evaluate(logical.Left, frame);
                return Kinds.Truth(left) == logical.IsAnd ? Evaluate(logical.Right, frame) : left;
            case Not not:
                return !Kinds.Truth(Evaluate(not.Operand, frame));
            case Binary binary:
                return Operators.Apply(binary.Operator, Evaluate(binary.Left, frame), Evaluate(binary.Right, frame));
            case Concat concat:
                return EvaluateConcat(concat, frame);
            case Conditional conditional:
                return EvaluateConditional(conditional, frame);
            case ListDisplay list:
                return new List<object?>(EvaluateAll(list.Items, frame));
            case TupleDisplay tuple:
                return new TupleValue(EvaluateAll(tuple.Items, frame));
            case DictDisplay display:
                var dict = new DictValue(display.Items.Length);
                foreach (var (key, value) in display.Items)
                    dict[Evaluate(key, frame)] = Evaluate(value, frame);
                return dict;
            case Sign sign:
                var operand = Evaluate(sign.Operand, frame);
                return sign.Negative ? Operators.Negate(operand) : Operators.Plus(operand);
            default:
                throw new EngineException("a slice stands where only a value can");
        }
    }

    private static object? Load(Name name, Activation frame)
    {
        var value = frame[name.Slot];
        return ReferenceEquals(value, Activation.Missing) ? Undefined.Variable(name.Id) : value;
    }

    private object?[] EvaluateAll(Expression[] expressions, Activation frame)
    {
        var values = new object?[expressions.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = Evaluate(expressions[i], frame);
        return values;
    }

    private object? EvaluateSubscript(Subscript subscript, Activation frame)
    {
        var target = Evaluate(subscript.Target, frame);
        if (subscript.Index is not Slice slice)
            return Members.Item(target, Evaluate(subscript.Index, frame));
        return Sequences.Slice(Kinds.Defined(target), Part(slice.Start), Part(slice.Stop), Part(slice.Step));

        object? Part(Expression? part) => part is null ? null : Evaluate(part, frame);
    }

    private object EvaluateCompare(Compare compare, Activation frame)
    {
        var left = Evaluate(compare.First, frame);
        foreach (var (kind, operand) in compare.Rest)
        {
            var right = Evaluate(operand, frame);
            if (!Holds(kind, left, right))
                return false;
            left = right;
        }

        return true;
    }

    private static bool Holds(Comparison kind, object? left, object? right) => kind switch
    {
        Comparison.Equal => Equality.Equal(left, right),
        Comparison.NotEqual => !Equality.Equal(left, right),
        Comparison.In => Sequences.Contains(right, left),
        Comparison.NotIn => !Sequences.Contains(right, left),
        Comparison.Less => Ordering.Compare(left, right, "<") < 0,
        Comparison.LessOrEqual => Ordering.Compare(left, right, "<=") <= 0,
        Comparison.Greater => Ordering.Compare(left, right, ">") > 0,
        _ => Ordering.Compare(left, right, ">=") >= 0,
    };

    private object EvaluateConcat(Concat concat, Activation frame)
    {
        var parts = EvaluateAll(concat.Parts, frame);
        return _escape ? new Markup(Operators.Concat(Array.ConvertAll(parts, part => (object?)Escaping.Escape(part)))) : Operators.Concat(parts);
    }

    private object? EvaluateConditional(Conditional conditional, Activation frame)
    {
        if (Kinds.Truth(Evaluate(conditional.Condition, frame)))
            return Evaluate(conditional.Then, frame);
        return conditional.Else is null
            ? new Undefined("the inline if has no else and its condition is false")
            : Evaluate(conditional.Else, frame);
    }

    /// <summary>A filter on its own input, or on <paramref name="text"/> where it has none.</summary>
    private object? Evaluate(Filter filter, object? text, Activation frame)
    {
        var input = filter.Input switch
        {
            null => text,
            Filter inner => Evaluate(inner, text, frame),
            var expression => Evaluate(expression, frame),
        };
        return Filters.Apply(filter.Id, input, EvaluateArguments(filter.Id, filter.Arguments, frame));
    }

    private object? Evaluate(Call call, Activation frame, Macro? caller)
    {
        var function = Evaluate(call.Function, frame);
        if (function is Undefined undefined)
            throw undefined.Fail();
        if (function is not Callable callable)
            throw new EngineException($"'{Kinds.Name(function)}' object is not callable");
        var line = call.Line;
        var arguments = EvaluateArguments(callable.Name, call.Arguments, frame, caller);
        var result = callable.Invoke(arguments);
        _line = line;
        return result;
    }

    private Arguments EvaluateArguments(string function, CallArguments call, Activation frame, Macro? caller = null)
    {
        if (call == CallArguments.None && caller is null)
            return new Arguments(function, []);
        var positional = EvaluateAll(call.Positional, frame);
        List<KeyValuePair<string, object?>>? named = null;
        foreach (var (name, value) in call.Named)
            Add(name, Evaluate(value, frame));
        if (caller is not null)
            Add("caller", caller);
        if (call.Star is not null)
            positional = [.. positional, .. Sequences.ToList(Evaluate(call.Star, frame))];
        if (call.DoubleStar is not null)
        {
            if (Evaluate(call.DoubleStar, frame) is not DictValue more)
                throw new EngineException($"{function}: the argument after ** must be a mapping");
            foreach (var (key, value) in more.Items)
                Add(key as string ?? throw new EngineException($"{function}: keywords must be strings"), value);
        }

        return new Arguments(function, positional, named);

        void Add(string name, object? value)
        {
            if (named?.Exists(item => item.Key == name) == true)
                throw new EngineException($"{function} got the keyword argument '{name}' twice");
            (named ??= []).Add(new(name, value));
        }
    }
}

using System.Numerics;
using System.Text;

namespace Afina.Text.Templates.Values;

/// <summary>The methods of dict that change nothing.</summary>
internal static class DictMethods
{
    public static object? Find(DictValue dict, string name) => name switch
    {
        "get" => new Function(name, arguments =>
        {
            if (arguments.Named.Count > 0)
                throw new EngineException("dict.get() takes no keyword arguments");
            var key = arguments.Required("key");
            var fallback = arguments.Optional("default");
            arguments.End();
            return dict.TryGet(key, out var value) ? value : fallback;
        }),
        "items" => View(dict, name, DictViewKind.Items),
        "keys" => View(dict, name, DictViewKind.Keys),
        "values" => View(dict, name, DictViewKind.Values),
        "copy" => new Function(name, arguments =>
        {
            arguments.End();
            return dict.Copy();
        }),
        "fromkeys" => new Function(name, FromKeys),
        _ => null,
    };

    /// <summary>dict.fromkeys.</summary>
    public static object? FromKeys(Arguments arguments)
    {
        var keys = arguments.Required("iterable");
        var value = arguments.Optional("value");
        arguments.End();
        var result = new DictValue();
        foreach (var key in Sequences.Iterate(keys))
        {
            result[key] = value;
            Budget.Current.Spend(1);
        }

        return result;
    }

    private static Function View(DictValue dict, string name, DictViewKind kind) => new(name, arguments =>
    {
        arguments.End();
        return new DictView(dict, kind);
    });
}

/// <summary>The methods of list, tuple, range and bytes that change nothing.</summary>
internal static class SequenceMethods
{
    public static object? Find(object value, string name) => (value, name) switch
    {
        (RangeValue range, "start") => range.Start,
        (RangeValue range, "stop") => range.Stop,
        (RangeValue range, "step") => range.Step,
        (BytesValue bytes, "decode") => new Function(name, _ => Encoding.UTF8.GetString(bytes.Bytes)),
        (BytesValue bytes, "hex") => new Function(name, _ => Convert.ToHexStringLower(bytes.Bytes)),
        (List<object?> list, "copy") => new Function(name, arguments =>
        {
            arguments.End();
            return Sequences.ToList(list);
        }),
        (_, "index") => new Function(name, arguments => Index(value, arguments)),
        (_, "count") => new Function(name, arguments =>
        {
            var item = arguments.Required("value");
            arguments.End();
            return (long)Sequences.Iterate(value).Count(other => Equality.Equal(other, item));
        }),
        _ => null,
    };

    private static object? Index(object value, Arguments arguments)
    {
        var item = arguments.Required("value");
        var length = Sequences.Length(value);
        var start = arguments.OptionalInteger("start", 0);
        var stop = arguments.OptionalInteger("stop", length);
        arguments.End();
        var index = 0L;
        foreach (var other in Sequences.Iterate(value))
        {
            if (index >= (start < 0 ? start + length : start) && index < (stop < 0 ? stop + length : stop) && Equality.Equal(other, item))
                return index;
            index++;
        }

        throw new EngineException($"{TextForm.Repr(item)} is not in {Kinds.Name(value)}");
    }
}

/// <summary>The members of numbers.</summary>
internal static class NumberMethods
{
    public static object? Find(object value, string name) => (value, name) switch
    {
        (double d, "real") => d,
        (double, "imag") => 0.0,
        (double d, "is_integer") => new Function(name, _ => double.IsFinite(d) && d == Math.Floor(d)),
        (not double, "real" or "numerator") => Operators.Plus(value),
        (not double, "imag") => 0L,
        (not double, "denominator") => 1L,
        (not double, "bit_length") => new Function(name, _ => (long)BigInteger.Abs(Numbers.ToBig(value)).GetBitLength()),
        (not double, "bit_count") => new Function(name, _ => Bits(BigInteger.Abs(Numbers.ToBig(value)))),
        (_, "conjugate") => new Function(name, _ => Operators.Plus(value)),
        _ => null,
    };

    private static long Bits(BigInteger value) => value.ToByteArray().Sum(b => (long)BitOperations.PopCount(b));
}

using Afina.Text.Templates.Syntax;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Execution;

internal sealed partial class Interpreter
{
    /// <summary>A macro, or the body of a call block, with the names around its definition.</summary>
    private sealed class Macro(Interpreter interpreter, string name, Signature signature, Statement[] body, Activation around) : Callable(name), IMembers
    {
        public override object? Invoke(Arguments arguments)
        {
            interpreter._budget.Enter();
            var frame = new Activation(signature.Scope.FunctionSize, around);
            interpreter.Enter(signature.Scope, frame);
            Bind(arguments, frame);
            interpreter.Capture(body, frame, out var text);
            interpreter._budget.Leave();
            return text;
        }

        public bool TryMember(string member, out object? value)
        {
            value = member switch
            {
                "name" => Name,
                "arguments" => new TupleValue([.. signature.Parameters.Select(parameter => parameter.Id)]),
                "catch_kwargs" => signature.NamedSlot >= 0,
                "catch_varargs" => signature.SurplusSlot >= 0,
                "caller" => signature.CallerSlot >= 0,
                _ => null,
            };
            return value is not null;
        }

        private void Bind(Arguments arguments, Activation frame)
        {
            var positional = arguments.Positional;
            var named = arguments.Named.ToList();
            var slots = signature.ParameterSlots;
            for (var i = 0; i < slots.Length; i++)
            {
                if (i < positional.Length)
                    frame[slots[i]] = positional[i];
                else if (TryTake(named, signature.Parameters[i].Id, out var value))
                    frame[slots[i]] = value;
            }

            if (signature.CallerSlot >= 0)
                frame[signature.CallerSlot] = TryTake(named, "caller", out var caller) ? caller : new Undefined("No caller defined");
            if (signature.NamedSlot >= 0)
                frame[signature.NamedSlot] = ToDict(named);
            else if (named.Count > 0)
                throw new EngineException($"macro '{Name}' takes no keyword argument '{named[0].Key}'");
            if (signature.SurplusSlot >= 0)
                frame[signature.SurplusSlot] = new TupleValue([.. positional.Skip(slots.Length)]);
            else if (positional.Length > slots.Length)
                throw new EngineException($"macro '{Name}' takes not more than {slots.Length} argument(s)");
            FillDefaults(frame);
        }

        private void FillDefaults(Activation frame)
        {
            var slots = signature.ParameterSlots;
            var firstDefault = slots.Length - signature.Defaults.Length;
            for (var i = 0; i < slots.Length; i++)
            {
                if (frame[slots[i]] != Activation.Missing)
                    continue;
                frame[slots[i]] = i >= firstDefault
                    ? interpreter.Evaluate(signature.Defaults[i - firstDefault], frame)
                    : new Undefined($"parameter '{signature.Parameters[i].Id}' was not provided");
            }
        }

        private static bool TryTake(List<KeyValuePair<string, object?>> named, string key, out object? value)
        {
            var index = named.FindIndex(item => item.Key == key);
            value = index >= 0 ? named[index].Value : null;
            if (index >= 0)
                named.RemoveAt(index);
            return index >= 0;
        }

        private static DictValue ToDict(List<KeyValuePair<string, object?>> named)
        {
            var dict = new DictValue(named.Count);
            foreach (var (key, value) in named)
                dict[key] = value;
            return dict;
        }
    }
}

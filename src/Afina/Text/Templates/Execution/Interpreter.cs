using Afina.Text.Templates.Library;
using Afina.Text.Templates.Syntax;
using Afina.Text.Templates.Values;

namespace Afina.Text.Templates.Execution;

/// <summary>Runs one rendering of a template: statements here, expressions in the other half.</summary>
internal sealed partial class Interpreter
{
    private readonly Dictionary<string, object?> _variables;
    private readonly DateTime _now;
    private readonly Budget _budget;
    private readonly Activation _root;
    private Dictionary<string, List<(int Start, int End)>>? _spansOf;
    private OutputBuffer _output = new();
    private bool _escape;
    private int _line;

    private Interpreter(Program program, Dictionary<string, object?> variables, DateTime now, Budget budget)
    {
        _variables = variables;
        _now = now;
        _budget = budget;
        _root = new Activation(program.Scope.FunctionSize, null);
    }

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    /// <summary>Renders; gives the text and the spans of its generation blocks.</summary>
    public static (string Text, List<(int Start, int End)> Spans) Run(Program program, Dictionary<string, object?> variables, DateTime now, Budget budget)
    {
        var interpreter = new Interpreter(program, variables, now, budget);
        try
        {
            interpreter.Enter(program.Scope, interpreter._root);
            interpreter.Execute(program.Body, interpreter._root);
        }
        catch (Exception error) when (error is EngineException or ArgumentException or ArithmeticException or InvalidOperationException or OutOfMemoryException)
        {
            throw new TemplateException($"chat template {program.Name}, line {interpreter._line}: {error.Message}", raisedByTemplate: false, error);
        }

        return (interpreter._output.ToString(), interpreter._output.Spans);
    }

    private void Enter(ScopePlan scope, Activation frame)
    {
        foreach (var load in scope.Loads)
        {
            switch (load.Kind)
            {
                case LoadKind.Resolve: frame[load.Index] = Resolve(load.Name); break;
                case LoadKind.Alias: frame[load.Index] = frame[load.From]; break;
                default: frame[load.Index] = Activation.Missing; break;
            }
        }
    }

    private static void Leave(ScopePlan scope, Activation frame)
    {
        foreach (var load in scope.Loads)
            frame[load.Index] = Activation.Missing;
    }

    private object? Resolve(string name) =>
        _variables.TryGetValue(name, out var value) || Globals.TryGet(name, _now, out value) ? value : Activation.Missing;

    private Flow Execute(Statement[] body, Activation frame)
    {
        foreach (var statement in body)
        {
            var flow = Execute(statement, frame);
            if (flow != Flow.Next)
                return flow;
        }

        return Flow.Next;
    }

    private Flow Execute(Statement statement, Activation frame)
    {
        _budget.Spend(1);
        _line = statement.Line;
        switch (statement)
        {
            case Verbatim verbatim:
                _output.Append(verbatim.Value);
                break;
            case Output output:
                Write(Evaluate(output.Value, frame));
                break;
            case If branch:
                foreach (var (condition, body) in branch.Branches)
                {
                    if (Kinds.Truth(Evaluate(condition, frame)))
                        return Execute(body, frame);
                }

                return Execute(branch.Else, frame);
            case Set set:
                Assign(set.Target, Evaluate(set.Value, frame), frame);
                break;
            case For loop:
                ExecuteFor(loop, frame);
                break;
            case LoopControl control:
                return control.IsBreak ? Flow.Break : Flow.Continue;
            case MacroDefinition macro:
                frame[macro.Target.Slot] = new Macro(this, macro.Target.Id, macro.Signature, macro.Body, frame);
                break;
            case SetBlock set:
                Enter(set.Scope, frame);
                var flow = Capture(set.Body, frame, out var captured);
                if (flow != Flow.Next)
                    return flow;
                Assign(set.Target, set.Filter is null ? captured : Evaluate(set.Filter, captured, frame), frame);
                Leave(set.Scope, frame);
                break;
            case With with:
                return ExecuteWith(with, frame);
            case CallBlock call:
                var caller = new Macro(this, "caller", call.Signature, call.Body, frame);
                Write(Evaluate(call.Call, frame, caller));
                break;
            case FilterBlock filter:
                Enter(filter.Scope, frame);
                flow = Capture(filter.Body, frame, out var content);
                if (flow != Flow.Next)
                    return flow;
                Write(Evaluate(filter.Filter, content, frame));
                Leave(filter.Scope, frame);
                break;
            case Scoped scoped:
                return ExecuteScoped(scoped, frame);
            case Load load:
                throw new EngineException($"'{load.Keyword}' needs a second template, and a chat template has only itself");
        }

        return Flow.Next;
    }

    private Flow ExecuteWith(With with, Activation frame)
    {
        Enter(with.Scope, frame);
        foreach (var (target, value) in with.Assignments)
            Assign(target, Evaluate(value, frame), frame);
        var flow = Execute(with.Body, frame);
        Leave(with.Scope, frame);
        return flow;
    }

    private Flow ExecuteScoped(Scoped scoped, Activation frame)
    {
        if (scoped.Use == ScopeUse.Block)
            frame = _root;
        var escape = _escape;
        var start = _output.Length;
        if (scoped.Use == ScopeUse.AutoEscape)
            _escape = Kinds.Truth(Evaluate(scoped.Argument!, frame));
        Enter(scoped.Scope, frame);
        var flow = Execute(scoped.Body, frame);
        Leave(scoped.Scope, frame);
        _escape = escape;
        if (scoped.Use == ScopeUse.Generation)
            _output.Spans.Add((start, _output.Length));
        return flow;
    }

    private void Write(object? value)
    {
        var text = _escape ? Escaping.Escape(value).Text : TextForm.Str(value);
        if (_spansOf is not null && _spansOf.TryGetValue(text, out var spans))
            _output.Append(text, spans);
        else
            _output.Append(text);
    }

    /// <summary>Runs statements into a text of their own. The text remembers the generation blocks inside it until it is written.</summary>
    private Flow Capture(Statement[] body, Activation frame, out object text)
    {
        var outer = _output;
        _output = new OutputBuffer();
        var flow = Execute(body, frame);
        var captured = _output.ToString();
        if (_output.Spans.Count > 0)
            (_spansOf ??= new(ReferenceEqualityComparer.Instance))[captured] = _output.Spans;
        _output = outer;
        text = _escape ? new Markup(captured) : captured;
        return flow;
    }

    private void Assign(Expression target, object? value, Activation frame)
    {
        switch (target)
        {
            case Name name:
                frame[name.Slot] = value;
                break;
            case NamespaceTarget reference:
                if (Load(reference.Namespace, frame) is not NamespaceValue space)
                    throw new EngineException($"cannot set the attribute '{reference.Id}' of something that is not a namespace");
                space.Store(reference.Id, value);
                break;
            case TupleDisplay tuple:
                var items = Sequences.Iterate(value).Take(tuple.Items.Length + 1).ToArray();
                if (items.Length != tuple.Items.Length)
                    throw new EngineException($"{(items.Length > tuple.Items.Length ? "too many" : "not enough")} values to unpack (expected {tuple.Items.Length})");
                for (var i = 0; i < items.Length; i++)
                    Assign(tuple.Items[i], items[i], frame);
                break;
        }
    }

    private void ExecuteFor(For loop, Activation frame)
    {
        var items = Evaluate(loop.Items, frame);
        if (loop.Recursive)
            Write(RunRecursive(loop, items, frame, 1));
        else
            RunLoop(loop, items, frame, frame, null);
    }

    /// <summary>One level of a recursive loop, as text.</summary>
    private string RunRecursive(For loop, object? items, Activation frame, int depth)
    {
        _budget.Enter();
        var outer = _output;
        _output = new OutputBuffer();
        var inner = new Activation(loop.BodyScope.FunctionSize, frame);
        RunLoop(loop, items, inner, frame, new Recursion(depth, next => RunRecursive(loop, next, frame, depth + 1)));
        var text = _output.ToString();
        _output = outer;
        _budget.Leave();
        return text;
    }

    private void RunLoop(For loop, object? items, Activation frame, Activation outer, Recursion? recursion)
    {
        var source = Sequences.Iterate(items);
        if (loop.Condition is not null)
            source = Filtered(loop, source, outer);
        var state = loop.LoopSlot >= 0 ? new LoopValue(loop.Condition is null ? Sequences.TryLength(items) : null, source, recursion) : null;
        var completed = false;
        foreach (var item in state?.Items() ?? source)
        {
            _budget.Spend(1);
            Enter(loop.BodyScope, frame);
            if (state is not null)
                frame[loop.LoopSlot] = state;
            Assign(loop.Target, item, frame);
            var flow = Execute(loop.Body, frame);
            if (flow == Flow.Break)
                break;
            completed |= flow == Flow.Next;
        }

        Leave(loop.BodyScope, frame);

        // Jinja runs the else branch unless some turn of the loop reached the end of its body.
        if (completed || loop.Else.Length == 0)
            return;
        Enter(loop.ElseScope, outer);
        Execute(loop.Else, outer);
        Leave(loop.ElseScope, outer);
    }

    private IEnumerable<object?> Filtered(For loop, IEnumerable<object?> source, Activation frame)
    {
        foreach (var item in source)
        {
            _budget.Spend(1);
            Enter(loop.ConditionScope, frame);
            Assign(loop.ConditionTarget!, item, frame);
            if (Kinds.Truth(Evaluate(loop.Condition!, frame)))
                yield return item;
        }
    }
}

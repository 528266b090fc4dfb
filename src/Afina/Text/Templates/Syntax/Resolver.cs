using Afina.Text.Templates.Library;

namespace Afina.Text.Templates.Syntax;

/// <summary>Gives every name its slot, by Jinja's rules: a loop body, a macro, a with and a block set have names of their own, an if has not; a name
/// that a scope both reads and sets begins with the outer value.</summary>
internal sealed class Resolver
{
    private readonly string _template;

    private Resolver(string template) => _template = template;

    /// <summary>Resolves a whole template.</summary>
    public static Program Resolve(string name, Statement[] body, bool hasGeneration)
    {
        var resolver = new Resolver(name);
        var plan = new ScopePlan();
        var root = new Scope(null, new FunctionSlots());
        root.Read(body);
        resolver.Visit(body, new Place(root, false, false));
        root.Write(plan, ownFunction: true);
        return new Program(name, body, plan, hasGeneration);
    }

    /// <summary>Where a node stands: its scope, inside a condition (unknown filters are refused only when reached), inside a loop.</summary>
    private readonly record struct Place(Scope Scope, bool Soft, bool InLoop);

    private FormatException Fault(int line, string what) => new($"chat template {_template}, line {line}: {what}");

    private void Visit(Statement[] body, Place place)
    {
        foreach (var statement in body)
            Visit(statement, place);
    }

    private void Visit(Statement statement, Place place)
    {
        switch (statement)
        {
            case Output output:
                Visit(output.Value, place);
                break;
            case If branch:
                var soft = place with { Soft = true };
                foreach (var (condition, body) in branch.Branches)
                {
                    Visit(condition, soft);
                    Visit(body, soft);
                }

                Visit(branch.Else, soft);
                break;
            case Set set:
                Visit(set.Value, place);
                Visit(set.Target, place);
                break;
            case For loop:
                VisitFor(loop, place);
                break;
            case SetBlock set:
                var setScope = Inner(place, set.Body);
                Visit(set.Body, setScope);
                if (set.Filter is not null)
                    Visit(set.Filter, setScope);
                setScope.Scope.Write(set.Scope, ownFunction: false);
                Visit(set.Target, place);
                break;
            case With with:
                VisitWith(with, place);
                break;
            case MacroDefinition macro:
                VisitSignature(macro.Signature, macro.Body, place);
                Visit(macro.Target, place);
                break;
            case CallBlock call:
                VisitSignature(call.Signature, call.Body, place);
                Visit(call.Call, place);
                break;
            case FilterBlock filter:
                var filterScope = Inner(place, filter.Body, filter.Filter);
                Visit(filter.Body, filterScope);
                Visit(filter.Filter, filterScope);
                filterScope.Scope.Write(filter.Scope, ownFunction: false);
                break;
            case Scoped scoped:
                VisitScoped(scoped, place);
                break;
            case LoopControl control when !place.InLoop:
                throw Fault(control.Line, $"'{(control.IsBreak ? "break" : "continue")}' stands outside a loop");
        }
    }

    private static Place Inner(Place place, Statement[] body, Expression? expression = null)
    {
        var scope = new Scope(place.Scope, place.Scope.Function);
        if (expression is not null)
            scope.Read(expression);
        scope.Read(body);
        return new Place(scope, false, place.InLoop);
    }

    private void VisitFor(For loop, Place place)
    {
        if (NameSearch.Assigns(loop, "loop"))
            throw Fault(loop.Line, "the special name 'loop' cannot be assigned in a loop");
        var body = new Scope(place.Scope, loop.Recursive ? new FunctionSlots() : place.Scope.Function);
        if (loop.Recursive || NameSearch.Reads(loop.Body, "loop"))
            loop.LoopSlot = body.Declare("loop");
        body.ReadTarget(loop.Target);
        body.Read(loop.Body);

        Visit(loop.Items, place);
        if (loop.Condition is not null)
        {
            var condition = new Scope(place.Scope, place.Scope.Function);
            loop.ConditionTarget = NameSearch.Copy(loop.Target);
            condition.ReadTarget(loop.ConditionTarget);
            condition.Read(loop.Condition);
            var conditionPlace = new Place(condition, false, false);
            Visit(loop.ConditionTarget, conditionPlace);
            Visit(loop.Condition, conditionPlace);
            condition.Write(loop.ConditionScope, ownFunction: false);
        }

        var bodyPlace = new Place(body, false, true);
        Visit(loop.Target, bodyPlace);
        Visit(loop.Body, bodyPlace);
        body.Write(loop.BodyScope, loop.Recursive);

        var otherwise = Inner(place, loop.Else);
        Visit(loop.Else, otherwise);
        otherwise.Scope.Write(loop.ElseScope, ownFunction: false);
    }

    private void VisitWith(With with, Place place)
    {
        var scope = new Scope(place.Scope, place.Scope.Function);
        foreach (var (target, _) in with.Assignments)
            scope.ReadTarget(target);
        scope.Read(with.Body);
        var inner = new Place(scope, false, place.InLoop);
        foreach (var (target, value) in with.Assignments)
        {
            Visit(value, place);
            Visit(target, inner);
        }

        Visit(with.Body, inner);
        scope.Write(with.Scope, ownFunction: false);
    }

    private void VisitSignature(Signature signature, Statement[] body, Place place)
    {
        var required = signature.Parameters.AsSpan(0, signature.Parameters.Length - signature.Defaults.Length);
        foreach (var parameter in required)
        {
            if (parameter.Id == "caller" && NameSearch.Reads(body, "caller"))
                throw Fault(parameter.Line, "a parameter named 'caller' needs a default");
        }

        var scope = new Scope(place.Scope, new FunctionSlots());
        foreach (var parameter in signature.Parameters)
            scope.ReadTarget(parameter);
        foreach (var value in signature.Defaults)
            scope.Read(value);
        scope.Read(body);
        signature.CallerSlot = DeclareIfRead("caller");
        signature.NamedSlot = DeclareIfRead("kwargs");
        signature.SurplusSlot = DeclareIfRead("varargs");
        var inner = new Place(scope, false, false);
        foreach (var parameter in signature.Parameters)
            Visit(parameter, inner);
        foreach (var value in signature.Defaults)
            Visit(value, inner);
        Visit(body, inner);
        signature.ParameterSlots = [.. signature.Parameters.Select(parameter => parameter.Slot.Index)];
        scope.Write(signature.Scope, ownFunction: true);

        int DeclareIfRead(string name)
        {
            var isParameter = Array.Exists(signature.Parameters, parameter => parameter.Id == name);
            return !isParameter && NameSearch.Reads(body, name) ? scope.Declare(name) : -1;
        }
    }

    private void VisitScoped(Scoped scoped, Place place)
    {
        var ownFunction = scoped.Use == ScopeUse.Generation;
        var parent = place.Scope;
        if (scoped.Use == ScopeUse.Block)
        {
            while (parent.Parent is not null)
                parent = parent.Parent;
        }

        if (scoped.Argument is not null)
            Visit(scoped.Argument, place);
        var scope = new Scope(parent, parent.Function);
        scope.Read(scoped.Body);
        Visit(scoped.Body, new Place(scope, false, place.InLoop && !ownFunction && scoped.Use != ScopeUse.Block));
        scope.Write(scoped.Scope, ownFunction: false);
    }

    private void Visit(Expression expression, Place place)
    {
        Budget.CheckStack();
        switch (expression)
        {
            case Name name:
                name.Slot = place.Scope.Find(name.Id) ?? throw Fault(name.Line, $"the name '{name.Id}' has no place");
                return;
            case NamespaceTarget target:
                Visit(target.Namespace, place);
                return;
            case Conditional:
                place = place with { Soft = true };
                break;
            case Filter filter when !place.Soft && !Filters.Known(filter.Id):
                throw Fault(filter.Line, $"there is no filter named '{filter.Id}'");
            case Test test when !place.Soft && !Tests.Known(test.Id):
                throw Fault(test.Line, $"there is no test named '{test.Id}'");
        }

        foreach (var child in Children.Of(expression))
            Visit(child, place);
    }
}

namespace Afina.Text.Templates.Syntax;

/// <summary>Counts the slots of one activation.</summary>
internal sealed class FunctionSlots
{
    public int Count { get; set; }
}

/// <summary>The names of one scope while a template is resolved: which are read, which are set, and what each begins with.</summary>
internal sealed class Scope(Scope? parent, FunctionSlots function)
{
    private Dictionary<string, int> _slots = [];
    private Dictionary<int, SlotLoad> _loads = [];
    private HashSet<string> _stores = [];

    public Scope? Parent => parent;

    public FunctionSlots Function => function;

    /// <summary>Where a name lies as seen from here, or null if no scope knows it.</summary>
    public Slot? Find(string name)
    {
        var depth = 0;
        for (var scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope._slots.TryGetValue(name, out var index))
                return new Slot(depth, index);
            if (scope.Parent is not null && scope.Parent.Function != scope.Function)
                depth++;
        }

        return null;
    }

    /// <summary>Makes a name this scope's own, filled by whoever enters it.</summary>
    public int Declare(string name)
    {
        _stores.Add(name);
        return Define(name, LoadKind.Parameter, default);
    }

    /// <summary>Writes down what entering this scope does.</summary>
    public void Write(ScopePlan plan, bool ownFunction)
    {
        plan.Loads = [.. _loads.Values];
        plan.FunctionSize = ownFunction ? function.Count : 0;
    }

    /// <summary>Notes the names of a target that this scope's own entry fills.</summary>
    public void ReadTarget(Expression target)
    {
        if (target is Name name)
        {
            Declare(name.Id);
            return;
        }

        foreach (var child in Children.Of(target))
            ReadTarget(child);
    }

    /// <summary>Notes the names of statements, in order.</summary>
    public void Read(Statement[] body)
    {
        foreach (var statement in body)
            Read(statement);
    }

    private void Read(Statement statement)
    {
        switch (statement)
        {
            case Output output: Read(output.Value); break;
            case If branch: ReadIf(branch); break;
            case For loop: Read(loop.Items); break;
            case Set set:
                Read(set.Value);
                Store(set.Target);
                break;
            case SetBlock set: Store(set.Target); break;
            case With with:
                foreach (var (_, value) in with.Assignments)
                    Read(value);
                break;
            case MacroDefinition macro: Store(macro.Target); break;
            case CallBlock call: Read(call.Call); break;
            case FilterBlock filter: Read(filter.Filter); break;
            case Scoped { Argument: not null } scoped: Read(scoped.Argument); break;
        }
    }

    /// <summary>Notes the names that an expression reads.</summary>
    public void Read(Expression expression)
    {
        Budget.CheckStack();
        if (expression is Name name)
        {
            if (Find(name.Id) is null)
                Define(name.Id, LoadKind.Resolve, default);
            return;
        }

        foreach (var child in Children.Of(expression))
            Read(child);
    }

    private void Store(Expression target)
    {
        switch (target)
        {
            case Name name:
                _stores.Add(name.Id);
                if (_slots.ContainsKey(name.Id))
                    return;
                if (Outer(name.Id) is { } outer)
                    Define(name.Id, LoadKind.Alias, outer);
                else
                    Define(name.Id, LoadKind.Missing, default);
                break;
            case NamespaceTarget reference:
                Read(reference.Namespace);
                break;
            default:
                foreach (var child in Children.Of(target))
                    Store(child);
                break;
        }
    }

    /// <summary>A name set in a branch may stay unset: then it keeps the outer value, or the variable of that name.</summary>
    private void ReadIf(If branch)
    {
        var (slots, loads, stores) = (_slots, _loads, _stores);
        Read(branch.Branches[0].Condition);
        var before = (Slots: _slots, Loads: _loads, Stores: _stores);
        var after = new List<(Dictionary<string, int> Slots, Dictionary<int, SlotLoad> Loads, HashSet<string> Stores)>();
        ReadBranch(null, branch.Branches[0].Body);
        foreach (var (condition, body) in branch.Branches.AsSpan(1))
            ReadBranch(condition, body);
        ReadBranch(null, branch.Else);
        (_slots, _loads, _stores) = (slots, loads, stores);

        var conditional = after.SelectMany(state => state.Stores).Where(name => !_stores.Contains(name)).Distinct().ToList();
        foreach (var state in after)
        {
            foreach (var (name, index) in state.Slots)
                _slots[name] = index;
            foreach (var (index, load) in state.Loads)
                _loads[index] = load;
            _stores.UnionWith(state.Stores);
        }

        foreach (var name in conditional)
        {
            var index = _slots[name];
            _loads[index] = Outer(name) is { } outer
                ? new SlotLoad(index, LoadKind.Alias, name, outer)
                : new SlotLoad(index, LoadKind.Resolve, name, default);
        }

        void ReadBranch(Expression? condition, Statement[] body)
        {
            _slots = new(before.Slots);
            _loads = new(before.Loads);
            _stores = [.. before.Stores];
            if (condition is not null)
                Read(condition);
            Read(body);
            after.Add((_slots, _loads, _stores));
        }
    }

    private Slot? Outer(string name)
    {
        if (parent?.Find(name) is not { } slot)
            return null;
        return parent.Function == function ? slot : slot with { Depth = slot.Depth + 1 };
    }

    private int Define(string name, LoadKind kind, Slot from)
    {
        if (!_slots.TryGetValue(name, out var index))
            index = _slots[name] = function.Count++;
        _loads[index] = new SlotLoad(index, kind, name, from);
        return index;
    }
}

namespace Afina.Text.Templates.Syntax;

/// <summary>Where a name's value lies: how many activations up, and which slot of that activation.</summary>
internal readonly record struct Slot(int Depth, int Index);

/// <summary>How a slot gets its value when a scope is entered.</summary>
internal enum LoadKind
{
    Parameter,
    Resolve,
    Alias,
    Missing,
}

/// <summary>One slot of a scope and how it is filled on entry.</summary>
internal readonly record struct SlotLoad(int Index, LoadKind Kind, string Name, Slot From);

/// <summary>What a scope does on entry; <paramref name="FunctionSize"/> is set where it begins an activation of its own.</summary>
internal sealed class ScopePlan
{
    public SlotLoad[] Loads { get; set; } = [];

    public int FunctionSize { get; set; }
}

internal abstract record Node(int Line);

internal abstract record Expression(int Line) : Node(Line);

internal sealed record Literal(int Line, object? Value) : Expression(Line);

internal sealed record Name(int Line, string Id) : Expression(Line)
{
    public Slot Slot { get; set; }
}

internal sealed record Attribute(int Line, Expression Target, string Id) : Expression(Line);

internal sealed record Subscript(int Line, Expression Target, Expression Index) : Expression(Line);

internal sealed record Slice(int Line, Expression? Start, Expression? Stop, Expression? Step) : Expression(Line);

internal sealed record CallArguments(Expression[] Positional, (string Name, Expression Value)[] Named, Expression? Star, Expression? DoubleStar)
{
    public static CallArguments None { get; } = new([], [], null, null);
}

internal sealed record Call(int Line, Expression Function, CallArguments Arguments) : Expression(Line);

/// <summary>A filter; without an input it applies to the text of a block.</summary>
internal sealed record Filter(int Line, Expression? Input, string Id, CallArguments Arguments) : Expression(Line);

internal sealed record Test(int Line, Expression Input, string Id, CallArguments Arguments) : Expression(Line);

internal sealed record Not(int Line, Expression Operand) : Expression(Line);

internal sealed record Sign(int Line, bool Negative, Expression Operand) : Expression(Line);

internal enum BinaryOperator
{
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
}

internal sealed record Binary(int Line, BinaryOperator Operator, Expression Left, Expression Right) : Expression(Line);

internal sealed record Logical(int Line, bool IsAnd, Expression Left, Expression Right) : Expression(Line);

internal enum Comparison
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

internal sealed record Compare(int Line, Expression First, (Comparison Operator, Expression Operand)[] Rest) : Expression(Line);

internal sealed record Concat(int Line, Expression[] Parts) : Expression(Line);

internal sealed record Conditional(int Line, Expression Condition, Expression Then, Expression? Else) : Expression(Line);

internal sealed record TupleDisplay(int Line, Expression[] Items) : Expression(Line);

internal sealed record ListDisplay(int Line, Expression[] Items) : Expression(Line);

internal sealed record DictDisplay(int Line, (Expression Key, Expression Value)[] Items) : Expression(Line);

/// <summary><c>ns.name</c> on the left of a set.</summary>
internal sealed record NamespaceTarget(int Line, Name Namespace, string Id) : Expression(Line);

internal abstract record Statement(int Line) : Node(Line);

internal sealed record Verbatim(int Line, string Value) : Statement(Line);

internal sealed record Output(int Line, Expression Value) : Statement(Line);

internal sealed record If(int Line, (Expression Condition, Statement[] Body)[] Branches, Statement[] Else) : Statement(Line);

internal sealed record For(int Line, Expression Target, Expression Items, Expression? Condition, bool Recursive, Statement[] Body, Statement[] Else) : Statement(Line)
{
    public ScopePlan BodyScope { get; } = new();

    public ScopePlan ConditionScope { get; } = new();

    public ScopePlan ElseScope { get; } = new();

    /// <summary>The target as the condition's own scope sees it.</summary>
    public Expression? ConditionTarget { get; set; }

    /// <summary>The slot of <c>loop</c>, where the body uses it.</summary>
    public int LoopSlot { get; set; } = -1;
}

internal sealed record Set(int Line, Expression Target, Expression Value) : Statement(Line);

internal sealed record SetBlock(int Line, Expression Target, Filter? Filter, Statement[] Body) : Statement(Line)
{
    public ScopePlan Scope { get; } = new();
}

internal sealed record With(int Line, (Expression Target, Expression Value)[] Assignments, Statement[] Body) : Statement(Line)
{
    public ScopePlan Scope { get; } = new();
}

/// <summary>What a macro and the body of a call block share.</summary>
internal sealed record Signature(Name[] Parameters, Expression[] Defaults)
{
    public ScopePlan Scope { get; } = new();

    public int[] ParameterSlots { get; set; } = [];

    public int CallerSlot { get; set; } = -1;

    public int NamedSlot { get; set; } = -1;

    public int SurplusSlot { get; set; } = -1;
}

internal sealed record MacroDefinition(int Line, Name Target, Signature Signature, Statement[] Body) : Statement(Line);

internal sealed record CallBlock(int Line, Call Call, Signature Signature, Statement[] Body) : Statement(Line);

internal sealed record FilterBlock(int Line, Filter Filter, Statement[] Body) : Statement(Line)
{
    public ScopePlan Scope { get; } = new();
}

/// <summary>A body with names of its own: <c>block</c>, <c>autoescape</c> and <c>generation</c>.</summary>
internal sealed record Scoped(int Line, ScopeUse Use, Expression? Argument, Statement[] Body) : Statement(Line)
{
    public ScopePlan Scope { get; } = new();
}

internal enum ScopeUse
{
    Block,
    AutoEscape,
    Generation,
}

internal sealed record LoopControl(int Line, bool IsBreak) : Statement(Line);

/// <summary><c>include</c>, <c>import</c> and <c>extends</c>: a chat template has nothing to load from.</summary>
internal sealed record Load(int Line, string Keyword) : Statement(Line);

/// <summary>A parsed and resolved template.</summary>
internal sealed record Program(string Name, Statement[] Body, ScopePlan Scope, bool HasGeneration);

namespace Afina.Text.Templates.Syntax;

/// <summary>Searches parts of a template for a name.</summary>
internal static class NameSearch
{
    /// <summary>Whether anything in the statements reads <paramref name="name"/>, at any depth.</summary>
    public static bool Reads(Statement[] body, string name) => Array.Exists(body, statement => Reads(statement, name));

    /// <summary>Whether the loop sets <paramref name="name"/>, as its target or in its body.</summary>
    public static bool Assigns(For loop, string name) => HasName(loop.Target, name) || Assigns(loop.Body, name) || Assigns(loop.Else, name);

    /// <summary>A target with names of its own, so that they can be resolved in another scope.</summary>
    public static Expression Copy(Expression target) => target switch
    {
        Name name => name with { },
        TupleDisplay tuple => tuple with { Items = [.. tuple.Items.Select(Copy)] },
        _ => target,
    };

    private static bool Assigns(Statement[] body, string name) => Array.Exists(body, statement => statement switch
    {
        Set set => HasName(set.Target, name),
        SetBlock set => HasName(set.Target, name) || Assigns(set.Body, name),
        With with => Array.Exists(with.Assignments, item => HasName(item.Target, name)) || Assigns(with.Body, name),
        _ => Bodies(statement).Any(inner => Assigns(inner, name)),
    });

    private static bool Reads(Statement statement, string name) =>
        Expressions(statement).Any(expression => HasName(expression, name)) || Bodies(statement).Any(body => Reads(body, name));

    private static bool HasName(Expression expression, string name)
    {
        Budget.CheckStack();
        return expression is Name { Id: var id } ? id == name : Children.Of(expression).Any(child => HasName(child, name));
    }

    private static IEnumerable<Expression> Expressions(Statement statement) => statement switch
    {
        Output node => [node.Value],
        If node => node.Branches.Select(branch => branch.Condition),
        For node => node.Condition is null ? [node.Items] : [node.Items, node.Condition],
        Set node => [node.Value],
        SetBlock node => node.Filter is null ? [] : [node.Filter],
        With node => node.Assignments.Select(item => item.Value),
        MacroDefinition node => node.Signature.Defaults,
        CallBlock node => [node.Call, .. node.Signature.Defaults],
        FilterBlock node => [node.Filter],
        Scoped node => node.Argument is null ? [] : [node.Argument],
        _ => [],
    };

    private static IEnumerable<Statement[]> Bodies(Statement statement) => statement switch
    {
        If node => [.. node.Branches.Select(branch => branch.Body), node.Else],
        For node => [node.Body, node.Else],
        SetBlock node => [node.Body],
        With node => [node.Body],
        MacroDefinition node => [node.Body],
        CallBlock node => [node.Body],
        FilterBlock node => [node.Body],
        Scoped node => [node.Body],
        _ => [],
    };
}

namespace Afina.Text.Templates.Syntax;

/// <summary>The expressions directly inside an expression.</summary>
internal static class Children
{
    public static IEnumerable<Expression> Of(Expression expression) => expression switch
    {
        Attribute node => [node.Target],
        Subscript node => [node.Target, node.Index],
        Slice node => Present(node.Start, node.Stop, node.Step),
        Call node => [node.Function, .. Of(node.Arguments)],
        Filter node => [.. Present(node.Input), .. Of(node.Arguments)],
        Test node => [node.Input, .. Of(node.Arguments)],
        Not node => [node.Operand],
        Sign node => [node.Operand],
        Binary node => [node.Left, node.Right],
        Logical node => [node.Left, node.Right],
        Compare node => [node.First, .. node.Rest.Select(operand => operand.Operand)],
        Concat node => node.Parts,
        Conditional node => Present(node.Condition, node.Then, node.Else),
        TupleDisplay node => node.Items,
        ListDisplay node => node.Items,
        DictDisplay node => node.Items.SelectMany(item => new[] { item.Key, item.Value }),
        NamespaceTarget node => [node.Namespace],
        _ => [],
    };

    private static IEnumerable<Expression> Of(CallArguments arguments) =>
        [.. arguments.Positional, .. arguments.Named.Select(item => item.Value), .. Present(arguments.Star, arguments.DoubleStar)];

    private static IEnumerable<Expression> Present(params Expression?[] expressions) => expressions.OfType<Expression>();
}

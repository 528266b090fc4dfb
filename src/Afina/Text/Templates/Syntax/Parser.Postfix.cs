namespace Afina.Text.Templates.Syntax;

// What follows an operand: members, items, calls, filters and tests.
internal sealed partial class Parser
{
    private Expression ParsePostfix(Expression node)
    {
        while (Current.Kind == TokenKind.Operator)
        {
            switch (Current.Text)
            {
                case ".": node = ParseDot(node); break;
                case "[": node = ParseSubscript(node); break;
                case "(": node = new Call(Current.Line, node, ParseArguments()); break;
                default: return node;
            }
        }

        return node;
    }

    private Expression ParseFilters(Expression node)
    {
        while (true)
        {
            if (Current.IsOperator("|"))
                node = ParseFilter(node, inline: false)!;
            else if (Current.IsName("is"))
                node = ParseTest(node);
            else if (Current.IsOperator("("))
                node = new Call(Current.Line, node, ParseArguments());
            else
                return node;
        }
    }

    private Expression ParseDot(Expression node)
    {
        var line = Next().Line;
        var token = Next();
        return token.Kind switch
        {
            TokenKind.Name => new Attribute(line, node, token.Text),
            TokenKind.Integer => new Subscript(line, node, new Literal(token.Line, token.Value)),
            _ => throw Fault(token.Position, "expected a name or a number after '.'"),
        };
    }

    private Subscript ParseSubscript(Expression node)
    {
        var line = Next().Line;
        var items = new List<Expression>();
        while (!SkipOperator("]"))
        {
            if (items.Count > 0)
                ExpectOperator(",");
            items.Add(ParseSliceOrIndex());
        }

        return new Subscript(line, node, items.Count == 1 ? items[0] : new TupleDisplay(line, [.. items]));
    }

    private Expression ParseSliceOrIndex()
    {
        var line = Current.Line;
        Expression? start = null;
        if (!Current.IsOperator(":"))
        {
            start = ParseExpression();
            if (!Current.IsOperator(":"))
                return start;
        }

        _at++;
        var stop = Current.IsOperator(":") || EndsSlice() ? null : ParseExpression();
        var step = SkipOperator(":") && !EndsSlice() ? ParseExpression() : null;
        return new Slice(line, start, stop, step);
    }

    private bool EndsSlice() => Current.IsOperator("]") || Current.IsOperator(",");

    private CallArguments ParseArguments()
    {
        ExpectOperator("(");
        var positional = new List<Expression>();
        var named = new List<(string, Expression)>();
        Expression? star = null, doubleStar = null;
        for (var first = true; !Current.IsOperator(")"); first = false)
        {
            if (!first)
            {
                ExpectOperator(",");
                if (Current.IsOperator(")"))
                    break;
            }

            if (doubleStar is null && star is null && SkipOperator("*"))
                star = ParseExpression();
            else if (doubleStar is null && SkipOperator("**"))
                doubleStar = ParseExpression();
            else if (doubleStar is null && Current.Kind == TokenKind.Name && Peek().IsOperator("="))
                named.Add((NextNamed(), ParseExpression()));
            else if (doubleStar is null && star is null && named.Count == 0)
                positional.Add(ParseExpression());
            else
                throw Fault("the arguments of a call are in the wrong order");
        }

        ExpectOperator(")");
        return new CallArguments([.. positional], [.. named], star, doubleStar);
    }

    private string NextNamed()
    {
        var name = Next().Text;
        _at++;
        return name;
    }

    /// <summary>A chain of filters; <paramref name="inline"/> when the first one stands without its bar.</summary>
    private Filter? ParseFilter(Expression? input, bool inline)
    {
        Filter? filter = null;
        while (inline || Current.IsOperator("|"))
        {
            if (!inline)
                _at++;
            inline = false;
            var (line, id) = (Current.Line, ParseDottedName());
            filter = new Filter(line, filter ?? input, id, Current.IsOperator("(") ? ParseArguments() : CallArguments.None);
        }

        return filter;
    }

    private string ParseDottedName()
    {
        var id = ExpectName().Text;
        while (SkipOperator("."))
            id += "." + ExpectName().Text;
        return id;
    }

    private Expression ParseTest(Expression input)
    {
        var line = Next().Line;
        var negated = SkipName("not");
        var id = ParseDottedName();
        var arguments = CallArguments.None;
        if (Current.IsOperator("("))
        {
            arguments = ParseArguments();
        }
        else if (BeginsTestArgument())
        {
            if (Current.IsName("is"))
                throw Fault("tests with 'is' cannot be chained");
            arguments = new CallArguments([ParsePostfix(ParsePrimary())], [], null, null);
        }

        var test = new Test(line, input, id, arguments);
        return negated ? new Not(line, test) : test;
    }

    private bool BeginsTestArgument() => Current.Kind switch
    {
        TokenKind.Name => Current.Text is not ("else" or "or" or "and"),
        TokenKind.String or TokenKind.Integer or TokenKind.Float => true,
        TokenKind.Operator => Current.Text is "[" or "{",
        _ => false,
    };
}

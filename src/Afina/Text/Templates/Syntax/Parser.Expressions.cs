namespace Afina.Text.Templates.Syntax;

internal sealed partial class Parser
{
    private Expression ParseExpression() => ParseConditional();

    private Expression ParseConditional()
    {
        Enter();
        var then = ParseOr();
        while (Current.IsName("if"))
        {
            var line = Next().Line;
            var condition = ParseOr();
            var otherwise = SkipName("else") ? ParseConditional() : null;
            then = new Conditional(line, condition, then, otherwise);
        }

        _nesting--;
        return then;
    }

    private Expression ParseOr()
    {
        var left = ParseAnd();
        while (Current.IsName("or"))
            left = new Logical(Next().Line, false, left, ParseAnd());
        return left;
    }

    private Expression ParseAnd()
    {
        var left = ParseNot();
        while (Current.IsName("and"))
            left = new Logical(Next().Line, true, left, ParseNot());
        return left;
    }

    private Expression ParseNot()
    {
        if (!Current.IsName("not"))
            return ParseComparison();
        Enter();
        var line = Next().Line;
        var operand = ParseNot();
        _nesting--;
        return new Not(line, operand);
    }

    private Expression ParseComparison()
    {
        var first = ParseSum();
        List<(Comparison, Expression)>? rest = null;
        while (ReadComparison() is { } comparison)
            (rest ??= []).Add((comparison, ParseSum()));
        return rest is null ? first : new Compare(first.Line, first, [.. rest]);
    }

    private Comparison? ReadComparison()
    {
        if (Current.IsName("not") && Peek().IsName("in"))
        {
            _at += 2;
            return Comparison.NotIn;
        }

        Comparison? comparison = Current switch
        {
            { Kind: TokenKind.Operator, Text: "==" } => Comparison.Equal,
            { Kind: TokenKind.Operator, Text: "!=" } => Comparison.NotEqual,
            { Kind: TokenKind.Operator, Text: "<" } => Comparison.Less,
            { Kind: TokenKind.Operator, Text: "<=" } => Comparison.LessOrEqual,
            { Kind: TokenKind.Operator, Text: ">" } => Comparison.Greater,
            { Kind: TokenKind.Operator, Text: ">=" } => Comparison.GreaterOrEqual,
            { Kind: TokenKind.Name, Text: "in" } => Comparison.In,
            _ => null,
        };
        if (comparison is not null)
            _at++;
        return comparison;
    }

    private Expression ParseSum()
    {
        var left = ParseConcat();
        while (Current.Kind == TokenKind.Operator && Current.Text is "+" or "-")
        {
            var token = Next();
            left = new Binary(token.Line, token.Text == "+" ? BinaryOperator.Add : BinaryOperator.Subtract, left, ParseConcat());
        }

        return left;
    }

    private Expression ParseConcat()
    {
        var first = ParseProduct();
        if (!Current.IsOperator("~"))
            return first;
        var parts = new List<Expression> { first };
        while (SkipOperator("~"))
            parts.Add(ParseProduct());
        return new Concat(first.Line, [.. parts]);
    }

    private Expression ParseProduct()
    {
        var left = ParsePower();
        while (Current.Kind == TokenKind.Operator && Current.Text is "*" or "/" or "//" or "%")
        {
            var token = Next();
            var kind = token.Text switch
            {
                "*" => BinaryOperator.Multiply,
                "/" => BinaryOperator.Divide,
                "//" => BinaryOperator.FloorDivide,
                _ => BinaryOperator.Modulo,
            };
            left = new Binary(token.Line, kind, left, ParsePower());
        }

        return left;
    }

    /// <summary>Unlike Python's, Jinja's power groups to the left and takes a sign with its operand.</summary>
    private Expression ParsePower()
    {
        var left = ParseUnary(filters: true);
        while (Current.IsOperator("**"))
            left = new Binary(Next().Line, BinaryOperator.Power, left, ParseUnary(filters: true));
        return left;
    }

    private Expression ParseUnary(bool filters)
    {
        Expression node;
        if (Current.Kind == TokenKind.Operator && Current.Text is "+" or "-")
        {
            Enter();
            var token = Next();
            node = new Sign(token.Line, token.Text == "-", ParseUnary(filters: false));
            _nesting--;
        }
        else
        {
            node = ParsePrimary();
        }

        node = ParsePostfix(node);
        return filters ? ParseFilters(node) : node;
    }

    private Expression ParsePrimary()
    {
        var token = Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new Literal(token.Line, true),
                    "false" or "False" => new Literal(token.Line, false),
                    "none" or "None" => new Literal(token.Line, null),
                    _ when char.IsDigit(token.Text[0]) => throw Fault(token.Position, $"'{token.Text}' is not a name"),
                    _ => new Name(token.Line, token.Text),
                };
            case TokenKind.String:
                var text = token.Text;
                while (Current.Kind == TokenKind.String)
                    text += Next().Text;
                return new Literal(token.Line, text);
            case TokenKind.Integer or TokenKind.Float:
                return new Literal(token.Line, token.Value);
            case TokenKind.Operator when token.Text == "(":
                var inner = ParseTuple(parenthesized: true);
                ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                var items = ParseItems("]", ParseExpression);
                return new ListDisplay(token.Line, items);
            case TokenKind.Operator when token.Text == "{":
                return new DictDisplay(token.Line, ParseItems("}", ParsePair));
            default:
                throw Fault(token.Position, $"unexpected '{token.Describe()}'");
        }
    }

    private (Expression Key, Expression Value) ParsePair()
    {
        var key = ParseExpression();
        ExpectOperator(":");
        return (key, ParseExpression());
    }

    private T[] ParseItems<T>(string end, Func<T> parse)
    {
        var items = new List<T>();
        while (!Current.IsOperator(end))
        {
            if (items.Count > 0)
                ExpectOperator(",");
            if (Current.IsOperator(end))
                break;
            items.Add(parse());
        }

        ExpectOperator(end);
        return [.. items];
    }

    /// <summary>One expression, or several with commas between them: a tuple, also without parentheses.</summary>
    private Expression ParseTuple(Func<Expression>? parse = null, string? end = null, bool parenthesized = false)
    {
        parse ??= ParseExpression;
        var line = Current.Line;
        var items = new List<Expression>();
        var isTuple = false;
        while (true)
        {
            if (items.Count > 0)
                ExpectOperator(",");
            if (Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd || Current.IsOperator(")") || (end is not null && Current.IsName(end)))
                break;
            items.Add(parse());
            if (!Current.IsOperator(","))
                break;
            isTuple = true;
        }

        if (isTuple || (items.Count == 0 && parenthesized))
            return new TupleDisplay(line, [.. items]);
        return items.Count > 0 ? items[0] : throw Fault($"expected an expression, found '{Current.Describe()}'");
    }
}

namespace Afina.Text.Templates.Syntax;

/// <summary>Builds the tree of a template: statements here, expressions in the other half.</summary>
internal sealed partial class Parser
{
    private const int MaxNesting = 150;

    private readonly string _name;
    private readonly string _source;
    private readonly List<Token> _tokens;
    private readonly Stack<string> _open = new();
    private readonly HashSet<string> _blocks = [];
    private int _at;
    private int _nesting;
    private bool _hasGeneration;

    private Parser(string source, string name)
    {
        _name = name;
        (_tokens, _source) = Lexer.Read(source, name);
    }

    /// <summary>Parses and resolves a template.</summary>
    public static Program Parse(string source, string name)
    {
        var parser = new Parser(source, name);
        var body = parser.ParseBody();
        return Resolver.Resolve(name, [.. body], parser._hasGeneration);
    }

    private Token Current => _tokens[_at];

    private Token Next()
    {
        var token = _tokens[_at];
        if (token.Kind != TokenKind.End)
            _at++;
        return token;
    }

    private Token Peek() => _tokens[Math.Min(_at + 1, _tokens.Count - 1)];

    private bool SkipOperator(string text)
    {
        if (!Current.IsOperator(text))
            return false;
        _at++;
        return true;
    }

    private bool SkipName(string text)
    {
        if (!Current.IsName(text))
            return false;
        _at++;
        return true;
    }

    private Token ExpectOperator(string text) =>
        Current.IsOperator(text) ? Next() : throw Fault($"expected '{text}', found '{Current.Describe()}'");

    private Token ExpectKeyword(string text) =>
        Current.IsName(text) ? Next() : throw Fault($"expected '{text}', found '{Current.Describe()}'");

    private Token ExpectName() =>
        Current.Kind == TokenKind.Name ? Next() : throw Fault($"expected a name, found '{Current.Describe()}'");

    private void ExpectBlockEnd()
    {
        if (Current.Kind != TokenKind.BlockEnd)
            throw Fault($"expected the end of the block, found '{Current.Describe()}'");
        _at++;
    }

    private FormatException Fault(string what) => Lexer.Fault(_name, _source, Current.Position, what);

    private FormatException Fault(int position, string what) => Lexer.Fault(_name, _source, position, what);

    private void Enter()
    {
        if (++_nesting > MaxNesting)
            throw Fault($"blocks or expressions are nested over {MaxNesting} deep");
    }

    /// <summary>Statements up to a block that begins with one of <paramref name="ends"/>, which becomes the current token; to the end of the template without any.</summary>
    private List<Statement> ParseBody(params ReadOnlySpan<string> ends)
    {
        var body = new List<Statement>();
        while (Current.Kind != TokenKind.End)
        {
            var token = Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new Verbatim(token.Line, token.Text));
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new Output(token.Line, ParseTuple()));
                    if (Current.Kind != TokenKind.VariableEnd)
                        throw Fault($"expected the end of the print statement, found '{Current.Describe()}'");
                    _at++;
                    break;
                default:
                    if (Current.Kind == TokenKind.Name && ends.Contains(Current.Text))
                        return body;
                    ParseStatement(body);
                    ExpectBlockEnd();
                    break;
            }
        }

        if (!ends.IsEmpty)
            throw Fault($"the template ends inside '{_open.Peek()}'; expected {string.Join(" or ", ends.ToArray())}");
        return body;
    }

    /// <summary>The body of a block: from the end of its opening tag to its closing keyword.</summary>
    private Statement[] ParseBlock(params ReadOnlySpan<string> ends)
    {
        SkipOperator(":");
        ExpectBlockEnd();
        return [.. ParseBody(ends)];
    }

    private Statement[] ParseClosedBlock(string end)
    {
        var body = ParseBlock(end);
        _at++;
        return body;
    }

    private void ParseStatement(List<Statement> body)
    {
        var tag = ExpectName();
        Enter();
        _open.Push(tag.Text);
        switch (tag.Text)
        {
            case "print": ParsePrint(tag, body); break;
            case "if": body.Add(ParseIf(tag)); break;
            case "for": body.Add(ParseFor(tag)); break;
            case "set": body.Add(ParseSet(tag)); break;
            case "with": body.Add(ParseWith(tag)); break;
            case "macro": body.Add(ParseMacro(tag)); break;
            case "call": body.Add(ParseCallBlock(tag)); break;
            case "filter": body.Add(new FilterBlock(tag.Line, ParseFilter(null, inline: true)!, ParseClosedBlock("endfilter"))); break;
            case "block": body.Add(ParseNamedBlock(tag)); break;
            case "autoescape": body.Add(new Scoped(tag.Line, ScopeUse.AutoEscape, ParseExpression(), ParseClosedBlock("endautoescape"))); break;
            case "generation":
                _hasGeneration = true;
                body.Add(new Scoped(tag.Line, ScopeUse.Generation, null, ParseClosedBlock("endgeneration")));
                break;
            case "break" or "continue": body.Add(new LoopControl(tag.Line, tag.Text == "break")); break;
            case "include" or "import" or "extends" or "from": body.Add(ParseLoad(tag)); break;
            default: throw Fault(tag.Position, $"unknown tag '{tag.Text}'");
        }

        _open.Pop();
        _nesting--;
    }

    private void ParsePrint(Token tag, List<Statement> body)
    {
        for (var first = true; Current.Kind != TokenKind.BlockEnd; first = false)
        {
            if (!first)
                ExpectOperator(",");
            body.Add(new Output(tag.Line, ParseExpression()));
        }
    }

    private If ParseIf(Token tag)
    {
        var branches = new List<(Expression, Statement[])>();
        Statement[] otherwise = [];
        while (true)
        {
            var condition = ParseTuple(ParseOr);
            branches.Add((condition, ParseBlock("elif", "else", "endif")));
            var end = Next().Text;
            if (end == "elif")
                continue;
            if (end == "else")
                otherwise = ParseClosedBlock("endif");
            return new If(tag.Line, [.. branches], otherwise);
        }
    }

    private For ParseFor(Token tag)
    {
        var target = ParseTarget(namespaces: false, tuples: true, end: "in");
        ExpectKeyword("in");
        var items = ParseTuple(ParseOr, "recursive");
        var condition = SkipName("if") ? ParseExpression() : null;
        var recursive = SkipName("recursive");
        var body = ParseBlock("endfor", "else");
        var otherwise = Next().Text == "else" ? ParseClosedBlock("endfor") : [];
        return new For(tag.Line, target, items, condition, recursive, body, otherwise);
    }

    private Statement ParseSet(Token tag)
    {
        var target = ParseTarget(namespaces: true, tuples: true);
        if (SkipOperator("="))
            return new Set(tag.Line, target, ParseTuple());
        var filter = ParseFilter(null, inline: false);
        return new SetBlock(tag.Line, target, filter, ParseClosedBlock("endset"));
    }

    private With ParseWith(Token tag)
    {
        var assignments = new List<(Expression, Expression)>();
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (assignments.Count > 0)
                ExpectOperator(",");
            var target = ParseTarget(namespaces: false, tuples: true);
            ExpectOperator("=");
            assignments.Add((target, ParseExpression()));
        }

        return new With(tag.Line, [.. assignments], ParseClosedBlock("endwith"));
    }

    private MacroDefinition ParseMacro(Token tag)
    {
        var target = (Name)ParseTarget(namespaces: false, tuples: false);
        return new MacroDefinition(tag.Line, target, ParseSignature(), ParseClosedBlock("endmacro"));
    }

    private CallBlock ParseCallBlock(Token tag)
    {
        var signature = Current.IsOperator("(") ? ParseSignature() : new Signature([], []);
        var call = ParseExpression() as Call ?? throw Fault("expected a call");
        return new CallBlock(tag.Line, call, signature, ParseClosedBlock("endcall"));
    }

    private Signature ParseSignature()
    {
        var parameters = new List<Name>();
        var defaults = new List<Expression>();
        ExpectOperator("(");
        while (!Current.IsOperator(")"))
        {
            if (parameters.Count > 0)
                ExpectOperator(",");
            parameters.Add((Name)ParseTarget(namespaces: false, tuples: false));
            if (SkipOperator("="))
                defaults.Add(ParseExpression());
            else if (defaults.Count > 0)
                throw Fault("a parameter without a default follows one with a default");
        }

        _at++;
        return new Signature([.. parameters], [.. defaults]);
    }

    private Scoped ParseNamedBlock(Token tag)
    {
        var name = ExpectName().Text;
        if (!_blocks.Add(name))
            throw Fault($"the block '{name}' is defined twice");
        SkipName("scoped");
        if (SkipName("required"))
            throw Fault("a chat template cannot fill a required block");
        var body = ParseClosedBlock("endblock");
        SkipName(name);
        return new Scoped(tag.Line, ScopeUse.Block, null, body);
    }

    private Load ParseLoad(Token tag)
    {
        ParseExpression();
        while (Current.Kind is not (TokenKind.BlockEnd or TokenKind.End))
            _at++;
        return new Load(tag.Line, tag.Text);
    }

    /// <summary>What stands on the left of a set, a for, a with or a macro.</summary>
    private Expression ParseTarget(bool namespaces, bool tuples, string? end = null)
    {
        var token = Current;
        if (!tuples)
            return AsTarget(new Name(token.Line, ExpectName().Text), token);
        return AsTarget(ParseTuple(namespaces ? ParseNamespaceOrPrimary : ParsePrimary, end), token);
    }

    private Expression ParseNamespaceOrPrimary()
    {
        var token = Current;
        if (token.Kind != TokenKind.Name || !Peek().IsOperator("."))
            return ParsePrimary();
        _at += 2;
        return new NamespaceTarget(token.Line, new Name(token.Line, token.Text), ExpectName().Text);
    }

    private Expression AsTarget(Expression target, Token token) => target switch
    {
        NamespaceTarget => target,
        Name { Id: not ("true" or "false" or "none" or "True" or "False" or "None") } => target,
        TupleDisplay tuple => tuple with { Items = [.. tuple.Items.Select(item => AsTarget(item, token))] },
        _ => throw Fault(token.Position, "this cannot be assigned to"),
    };
}

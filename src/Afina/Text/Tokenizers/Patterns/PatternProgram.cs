namespace Afina.Text.Tokenizers.Patterns;

/// <summary>What an instruction does.</summary>
internal enum Operation : byte
{
    /// <summary>One code point of the set.</summary>
    Set,
    /// <summary>Between First and Second code points of the set, the most first; Flag: no way back.</summary>
    Run,
    /// <summary>Try First, later Second; where the set is given and lacks the next code point, go to Second at once.</summary>
    Split,
    Jump,
    Anchor,
    /// <summary>Look ahead or behind (First: where to go on, Second: the most code points back, -1 = ahead; Flag: negative), body follows.</summary>
    Look,
    /// <summary>Body follows; First: where to go on.</summary>
    Atomic,
    /// <summary>Remember the place in slot First.</summary>
    Mark,
    /// <summary>Fail where nothing was matched since slot First was set.</summary>
    Moved,
    Done,
}

/// <summary>One instruction of a compiled pattern.</summary>
internal readonly record struct Instruction(Operation Operation, int First = 0, int Second = 0, bool Flag = false, CharSet? Set = null);

/// <summary>Turns a parsed pattern into instructions for <see cref="PatternMatcher"/>.</summary>
internal sealed class PatternProgram
{
    private const int SizeLimit = 100_000;
    private readonly List<Instruction> _code = [];
    private readonly Dictionary<Func<int, bool>, CharSet> _sets = [];

    private PatternProgram()
    {
    }

    /// <summary>How many places a match remembers.</summary>
    public int Slots { get; private set; }

    public Instruction[] Code { get; private set; } = [];

    /// <summary>What a match can begin with, or null where that is not known.</summary>
    public CharSet? First { get; private set; }

    public static PatternProgram Compile(PatternNode node)
    {
        var program = new PatternProgram();
        program.Emit(node);
        program.Add(new Instruction(Operation.Done));
        program.Code = [.. program._code];
        program.First = program.Guard(node);
        return program;
    }

    private int Add(Instruction instruction)
    {
        if (_code.Count >= SizeLimit)
            throw new InvalidDataException($"regular expression is too large: it compiles to more than {SizeLimit} instructions");
        _code.Add(instruction);
        return _code.Count - 1;
    }

    private CharSet Set(Func<int, bool> contains)
    {
        if (!_sets.TryGetValue(contains, out var set))
            _sets[contains] = set = new CharSet(contains);
        return set;
    }

    private void Emit(PatternNode node)
    {
        switch (node)
        {
            case SetNode set:
                Add(new Instruction(Operation.Set, Set: Set(set.Contains)));
                break;
            case SequenceNode sequence:
                foreach (var part in sequence.Parts)
                    Emit(part);
                break;
            case AlternationNode alternation:
                EmitBranches(alternation.Branches);
                break;
            case AnchorNode anchor:
                Add(new Instruction(Operation.Anchor, (int)anchor.Anchor));
                break;
            case AtomicNode atomic:
                EmitInner(Operation.Atomic, atomic.Body, 0, false);
                break;
            case LookNode look:
                if (look.Behind && look.Body.Length.Most > 255)
                    throw new InvalidDataException("regular expression looks behind without a bound, which is not supported");
                EmitInner(Operation.Look, look.Body, look.Behind ? look.Body.Length.Most : -1, look.Negative);
                break;
            case RepeatNode { Body: SetNode body, Greed: not Greed.Lazy } run:
                Add(new Instruction(Operation.Run, run.Least, run.Most, run.Greed == Greed.Possessive, Set(body.Contains)));
                break;
            case RepeatNode { Greed: Greed.Possessive } repeat:
                EmitInner(Operation.Atomic, repeat with { Greed = Greed.Greedy }, 0, false);
                break;
            case RepeatNode repeat:
                EmitRepeat(repeat);
                break;
        }
    }

    private void EmitInner(Operation operation, PatternNode body, int second, bool flag)
    {
        var at = Add(default);
        Emit(body);
        Add(new Instruction(Operation.Done));
        _code[at] = new Instruction(operation, _code.Count, second, flag);
    }

    private void EmitBranches(IReadOnlyList<PatternNode> branches)
    {
        var jumps = new List<int>();
        for (var i = 0; i < branches.Count - 1; i++)
        {
            var split = Add(default);
            Emit(branches[i]);
            jumps.Add(Add(default));
            _code[split] = new Instruction(Operation.Split, split + 1, _code.Count, Set: Guard(branches[i]));
        }

        Emit(branches[^1]);
        foreach (var jump in jumps)
            _code[jump] = new Instruction(Operation.Jump, _code.Count);
    }

    private void EmitRepeat(RepeatNode repeat)
    {
        for (var i = 0; i < repeat.Least; i++)
            Emit(repeat.Body);
        var lazy = repeat.Greed == Greed.Lazy;
        var guard = lazy ? null : Guard(repeat.Body);
        if (repeat.Most == int.MaxValue)
        {
            var slot = repeat.Body.Length.Least == 0 ? Slots++ : -1;
            var split = Add(default);
            if (slot >= 0)
                Add(new Instruction(Operation.Mark, slot));
            Emit(repeat.Body);
            if (slot >= 0)
                Add(new Instruction(Operation.Moved, slot));
            Add(new Instruction(Operation.Jump, split));
            _code[split] = Choice(split + 1, _code.Count, lazy, guard);
            return;
        }

        var splits = new List<int>();
        for (var i = repeat.Least; i < repeat.Most; i++)
        {
            splits.Add(Add(default));
            Emit(repeat.Body);
        }

        foreach (var split in splits)
            _code[split] = Choice(split + 1, _code.Count, lazy, guard);
    }

    private static Instruction Choice(int body, int rest, bool lazy, CharSet? guard) =>
        lazy ? new Instruction(Operation.Split, rest, body) : new Instruction(Operation.Split, body, rest, Set: guard);

    private CharSet? Guard(PatternNode node) => Beginning(node) is { } beginning ? Set(beginning) : null;

    /// <summary>What the node's match begins with; null where it may be empty or is not simple to say.</summary>
    private static Func<int, bool>? Beginning(PatternNode node)
    {
        switch (node)
        {
            case SetNode set: return set.Contains;
            case AtomicNode atomic: return Beginning(atomic.Body);
            case RepeatNode { Least: > 0 } repeat: return Beginning(repeat.Body);
            case AlternationNode alternation:
                var all = alternation.Branches.Select(Beginning).ToArray();
                return Array.TrueForAll(all, one => one is not null) ? c => Array.Exists(all, one => one!(c)) : null;
            case SequenceNode sequence:
                var heads = new List<Func<int, bool>>();
                foreach (var part in sequence.Parts)
                {
                    if (Beginning(part) is { } certain)
                    {
                        heads.Add(certain);
                        var any = heads.ToArray();
                        return any.Length == 1 ? certain : c => Array.Exists(any, head => head(c));
                    }

                    if (part is not RepeatNode { Least: 0 } optional || Beginning(optional.Body) is not { } possible)
                        return null;
                    heads.Add(possible);
                }

                return null;
            default: return null;
        }
    }
}

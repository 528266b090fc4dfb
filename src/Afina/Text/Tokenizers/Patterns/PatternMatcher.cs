namespace Afina.Text.Tokenizers.Patterns;

/// <summary>Runs a compiled pattern: backtracking with an explicit stack, over code points of UTF-16 text.</summary>
internal ref struct PatternMatcher
{
    private const long StepsAlways = 2_000_000;
    private const long StepsPerCharacter = 2_000;
    private const int StackLimit = 50_000_000;

    private readonly ReadOnlySpan<Instruction> _code;
    private readonly ReadOnlySpan<char> _text;
    private readonly int[] _slots;
    private int[] _stack;
    private int _top;
    private int _searchStart;
    private long _steps;

    public PatternMatcher(PatternProgram program, ReadOnlySpan<char> text)
    {
        _code = program.Code;
        _text = text;
        _slots = program.Slots == 0 ? [] : new int[program.Slots];
        _stack = new int[48];
        _steps = StepsAlways + StepsPerCharacter * text.Length;
    }

    /// <summary>The end of the match that begins at <paramref name="at"/>, or -1.</summary>
    public int Match(int at, int searchStart)
    {
        _searchStart = searchStart;
        _top = 0;
        return Execute(0, at, -1);
    }

    private int Execute(int pc, int at, int requiredEnd)
    {
        var bottom = _top;
        while (true)
        {
            if (--_steps < 0)
                throw new InvalidDataException("a regular expression of the tokenizer takes too many steps on this text (it backtracks without end)");
            ref readonly var instruction = ref _code[pc];
            var good = true;
            switch (instruction.Operation)
            {
                case Operation.Set:
                    good = at < _text.Length && instruction.Set!.Contains(CodePointAt(at, out var width)) && Advance(ref at, width);
                    pc++;
                    break;
                case Operation.Run:
                    good = Run(instruction, pc, ref at);
                    pc++;
                    break;
                case Operation.Split:
                    if (instruction.Set is { } guard && !(at < _text.Length && guard.Contains(CodePointAt(at, out _))))
                    {
                        pc = instruction.Second;
                        break;
                    }

                    Push(instruction.Second, at, -1);
                    pc = instruction.First;
                    break;
                case Operation.Jump:
                    pc = instruction.First;
                    break;
                case Operation.Anchor:
                    good = Holds((Anchor)instruction.First, at);
                    pc++;
                    break;
                case Operation.Look:
                    good = Look(pc, instruction.Second, at) != instruction.Flag;
                    pc = instruction.First;
                    break;
                case Operation.Atomic:
                    at = Execute(pc + 1, at, -1);
                    good = at >= 0;
                    pc = instruction.First;
                    break;
                case Operation.Mark:
                    Push(-2 - instruction.First, _slots[instruction.First], -1);
                    _slots[instruction.First] = at;
                    pc++;
                    break;
                case Operation.Moved:
                    good = _slots[instruction.First] != at;
                    pc++;
                    break;
                default:
                    if (requiredEnd < 0 || at == requiredEnd)
                    {
                        _top = bottom;
                        return at;
                    }

                    good = false;
                    break;
            }

            if (!good && !Back(bottom, ref pc, ref at))
                return -1;
        }
    }

    private static bool Advance(ref int at, int width)
    {
        at += width;
        return true;
    }

    private bool Run(in Instruction instruction, int pc, ref int at)
    {
        var set = instruction.Set!;
        var count = 0;
        var least = at;
        while (count < instruction.Second && at < _text.Length && set.Contains(CodePointAt(at, out var width)))
        {
            at += width;
            if (++count == instruction.First)
                least = at;
        }

        _steps -= count >> 2;
        if (count < instruction.First)
            return false;
        if (!instruction.Flag && at > least)
            Push(pc + 1, at, least);
        return true;
    }

    private bool Look(int pc, int behind, int at)
    {
        if (behind < 0)
            return Execute(pc + 1, at, -1) >= 0;
        var from = at;
        for (var back = 0; ; back++)
        {
            if (Execute(pc + 1, from, at) >= 0)
                return true;
            if (back == behind || from == 0)
                return false;
            from -= from > 1 && char.IsSurrogatePair(_text[from - 2], _text[from - 1]) ? 2 : 1;
        }
    }

    /// <summary>Takes the last choice back: an entry is where to go on, at which place, and for a run the shortest place it may shrink to.</summary>
    private bool Back(int bottom, ref int pc, ref int at)
    {
        while (_top > bottom)
        {
            _top -= 3;
            var entry = _stack.AsSpan(_top, 3);
            if (entry[0] <= -2)
            {
                _slots[-2 - entry[0]] = entry[1];
                continue;
            }

            pc = entry[0];
            at = entry[1];
            if (entry[2] < 0)
                return true;
            at -= at > 1 && char.IsSurrogatePair(_text[at - 2], _text[at - 1]) ? 2 : 1;
            if (at > entry[2])
            {
                entry[1] = at;
                _top += 3;
            }

            return true;
        }

        return false;
    }

    private void Push(int pc, int at, int least)
    {
        if (_top + 3 > _stack.Length)
        {
            if (_stack.Length > StackLimit)
                throw new InvalidDataException("a regular expression of the tokenizer needs too much memory on this text (it backtracks without end)");
            Array.Resize(ref _stack, _stack.Length * 2);
        }

        _stack[_top] = pc;
        _stack[_top + 1] = at;
        _stack[_top + 2] = least;
        _top += 3;
    }

    private readonly bool Holds(Anchor anchor, int at) => anchor switch
    {
        Anchor.LineStart => at == 0 || (_text[at - 1] == '\n' && at < _text.Length),
        Anchor.LineEnd => at == _text.Length || _text[at] == '\n',
        Anchor.TextStart => at == 0,
        Anchor.TextEnd => at == _text.Length,
        Anchor.TextEndOrLastNewline => at == _text.Length || (at == _text.Length - 1 && _text[at] == '\n'),
        Anchor.WordBoundary => WordBefore(at) != WordAfter(at),
        Anchor.NoWordBoundary => WordBefore(at) == WordAfter(at),
        _ => at == _searchStart,
    };

    private readonly bool WordAfter(int at) => at < _text.Length && UnicodeProperties.IsWord(CodePointAt(at, out _));

    private readonly bool WordBefore(int at) =>
        at > 0 && UnicodeProperties.IsWord(at > 1 && char.IsSurrogatePair(_text[at - 2], _text[at - 1]) ? char.ConvertToUtf32(_text[at - 2], _text[at - 1]) : _text[at - 1]);

    private readonly int CodePointAt(int at, out int width)
    {
        var c = _text[at];
        if ((c & 0xFC00) == 0xD800 && at + 1 < _text.Length && char.IsLowSurrogate(_text[at + 1]))
        {
            width = 2;
            return char.ConvertToUtf32(c, _text[at + 1]);
        }

        width = 1;
        return c;
    }
}

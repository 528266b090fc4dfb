namespace Afina.Generation.Sampling;

/// <summary>Memory that the steps of a <see cref="LogitsPipeline"/> use again for every token; one per thread.</summary>
internal sealed class SamplingWorkspace(int vocabulary)
{
    private readonly int[] _marks = new int[vocabulary];
    private int _round;

    /// <summary>Keys to sort by (see <see cref="Key"/>).</summary>
    public ulong[] Keys { get; } = new ulong[vocabulary];

    /// <summary>Whatever a step computes per candidate.</summary>
    public double[] Values { get; } = new double[vocabulary];

    /// <summary>Forgets all marks.</summary>
    public void ClearMarks()
    {
        if (++_round == int.MaxValue)
        {
            Array.Clear(_marks);
            _round = 1;
        }
    }

    /// <summary>Marks a token; false where it is marked already.</summary>
    public bool Mark(int token)
    {
        if (_marks[token] == _round)
            return false;
        _marks[token] = _round;
        return true;
    }

    /// <summary>Orders by logit, equal ones by token (as a stable ascending sort has them).</summary>
    public static ulong Key(float logit, int token)
    {
        var bits = BitConverter.SingleToUInt32Bits(logit + 0f);
        var ordered = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ((ulong)ordered << 32) | (uint)token;
    }

    /// <summary>The token of a key.</summary>
    public static int Token(ulong key) => (int)(uint)key;

    /// <summary>Removes every token whose key is below that of a token which stays.</summary>
    public static void RemoveBelow(Span<float> logits, ulong least)
    {
        var limit = logits[Token(least)];
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] < limit || (logits[i] == limit && Key(limit, i) < least))
                logits[i] = float.NegativeInfinity;
        }
    }
}

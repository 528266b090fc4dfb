namespace Afina.Text.Tokenizers.Models;

/// <summary>The symbols of a word while they merge: a linked list over arrays and a queue of the merges that are possible.</summary>
internal sealed class SymbolList
{
    private readonly PriorityQueue<int, ulong> _queue = new();
    private int[] _ids = new int[64];
    private int[] _bytes = new int[64];
    private int[] _previous = new int[64];
    private int[] _next = new int[64];
    private int _count;

    public void Clear()
    {
        _count = 0;
        _queue.Clear();
    }

    public void Add(int id, int bytes)
    {
        if (_count == _ids.Length)
        {
            Array.Resize(ref _ids, _count * 2);
            Array.Resize(ref _bytes, _count * 2);
            Array.Resize(ref _previous, _count * 2);
            Array.Resize(ref _next, _count * 2);
        }

        _ids[_count] = id;
        _bytes[_count] = bytes;
        _previous[_count] = _count - 1;
        _next[_count] = _count + 1;
        _count++;
    }

    /// <summary>Applies merges, the lowest rank first and the leftmost of equal ones.</summary>
    public void MergeAll(MergeTable merges)
    {
        for (var at = 0; at + 1 < _count; at++)
            Offer(merges, at, at + 1);
        while (_queue.TryDequeue(out var becomes, out var priority))
        {
            var at = (int)(uint)priority;
            var right = _bytes[at] == 0 ? _count : _next[at];
            // What was queued may have been merged away meanwhile: what the pair becomes today tells.
            if (right >= _count || !merges.TryGet(_ids[at], _ids[right], out _, out var id) || id != becomes)
                continue;
            _ids[at] = id;
            _bytes[at] += _bytes[right];
            _bytes[right] = 0;
            _next[at] = _next[right];
            if (_next[at] < _count)
            {
                _previous[_next[at]] = at;
                Offer(merges, at, _next[at]);
            }

            if (_previous[at] >= 0)
                Offer(merges, _previous[at], at);
        }
    }

    public void CopyTo(List<ModelToken> output)
    {
        var start = 0;
        for (var at = 0; at < _count; at = _next[at])
            output.Add(new ModelToken(_ids[at], start, start += _bytes[at]));
    }

    private void Offer(MergeTable merges, int left, int right)
    {
        if (merges.TryGet(_ids[left], _ids[right], out var rank, out var id))
            _queue.Enqueue(id, (ulong)rank << 32 | (uint)left);
    }
}

namespace Afina.Data.Reading;

/// <summary>Cuts a stream into lines of bytes, without their line ends (LF or CRLF), in one reused buffer.</summary>
/// <param name="stream">What to read.</param>
/// <param name="longest">The most bytes that a line may have; of longer ones only the length is kept.</param>
internal sealed class Utf8Lines(Stream stream, int longest)
{
    private byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _finished;

    /// <summary>The number of the line last read, from 1.</summary>
    public int Number { get; private set; }

    /// <summary>Whether the line last read was longer than allowed; its bytes are then gone.</summary>
    public bool TooLong { get; private set; }

    /// <summary>Reads a line; it stays valid until the next call.</summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        TooLong = false;
        var searched = _start;
        while (true)
        {
            var feed = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                line = TooLong ? default : Trimmed(_start, searched + feed);
                _start = searched + feed + 1;
                Number++;
                return true;
            }

            if (_finished)
            {
                line = TooLong ? default : Trimmed(_start, _end);
                var any = TooLong || _start < _end;
                _start = _end;
                Number += any ? 1 : 0;
                return any;
            }

            if (TooLong || _end - _start > longest)
            {
                TooLong = true;
                _start = _end = 0;
            }

            Fill();
            searched = Math.Max(_start, _end - _filled);
        }
    }

    private int _filled;

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, checked(_buffer.Length * 2));
        _filled = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += _filled;
        _finished = _filled == 0;
    }

    private ReadOnlySpan<byte> Trimmed(int from, int to) =>
        _buffer.AsSpan(from, to > from && _buffer[to - 1] == (byte)'\r' ? to - from - 1 : to - from);
}

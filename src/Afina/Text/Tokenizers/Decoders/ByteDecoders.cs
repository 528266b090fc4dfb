using System.Text;

namespace Afina.Text.Tokenizers.Decoders;

/// <summary>From the byte alphabet back to bytes, all tokens together; a token with another character stands for its own UTF-8.</summary>
internal sealed class ByteLevelDecoder : Decoder
{
    public override List<string> Apply(List<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (var token in tokens)
            Append(token, bytes);
        return [Encoding.UTF8.GetString(bytes.ToArray())];
    }

    private static void Append(string token, List<byte> bytes)
    {
        var before = bytes.Count;
        foreach (var c in token)
        {
            var value = ByteAlphabet.ByteOf(c);
            if (value < 0)
            {
                bytes.RemoveRange(before, bytes.Count - before);
                bytes.AddRange(Encoding.UTF8.GetBytes(token));
                return;
            }

            bytes.Add((byte)value);
        }
    }
}

/// <summary>Runs of <c>&lt;0xHH&gt;</c> back to text; where they are no UTF-8, a replacement character for each byte.</summary>
internal sealed class ByteFallbackDecoder : Decoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override List<string> Apply(List<string> tokens)
    {
        var output = new List<string>(tokens.Count);
        var bytes = new List<byte>();
        foreach (var token in tokens)
        {
            if (ByteOf(token) is { } value)
            {
                bytes.Add(value);
                continue;
            }

            Flush(bytes, output);
            output.Add(token);
        }

        Flush(bytes, output);
        return output;
    }

    internal static byte? ByteOf(string token)
    {
        if (token.Length != 6 || !token.StartsWith("<0x", StringComparison.Ordinal) || token[5] != '>')
            return null;
        // Rust's number reader allows a sign in front of the digits.
        if (token[3] == '+' && char.IsAsciiHexDigit(token[4]))
            return Convert.ToByte(token[4..5], 16);
        return char.IsAsciiHexDigit(token[3]) && char.IsAsciiHexDigit(token[4]) ? Convert.ToByte(token[3..5], 16) : null;
    }

    private static void Flush(List<byte> bytes, List<string> output)
    {
        if (bytes.Count == 0)
            return;
        try
        {
            output.Add(Strict.GetString(bytes.ToArray()));
        }
        catch (DecoderFallbackException)
        {
            output.AddRange(Enumerable.Repeat("\uFFFD", bytes.Count));
        }

        bytes.Clear();
    }
}

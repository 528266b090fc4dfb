namespace Afina.Text.Tokenizers;

/// <summary>The printable stand-ins of byte-level tokenizers: bytes 21-7E, A1-AC and AE-FF are themselves, the 68 others follow from U+0100.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Chars = Make();
    private static readonly short[] Bytes = Invert();

    /// <summary>The character that stands for a space.</summary>
    public const char Space = 'Ġ';

    public static char CharOf(byte value) => Chars[value];

    /// <summary>The byte that a character stands for, or -1.</summary>
    public static int ByteOf(char c) => c < Bytes.Length ? Bytes[c] : -1;

    /// <summary>The byte alphabet's spelling of UTF-8 text.</summary>
    public static string Spell(ReadOnlySpan<byte> bytes)
    {
        var text = new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
            text[i] = Chars[bytes[i]];
        return new string(text);
    }

    private static char[] Make()
    {
        var chars = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++)
            chars[b] = (char)(b is >= 0x21 and <= 0x7E or >= 0xA1 and <= 0xAC or >= 0xAE ? b : next++);
        return chars;
    }

    private static short[] Invert()
    {
        var bytes = new short[256 + 68];
        Array.Fill(bytes, (short)-1);
        for (var b = 0; b < 256; b++)
            bytes[Chars[b]] = (short)b;
        return bytes;
    }
}

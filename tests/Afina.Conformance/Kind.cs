namespace Afina.Conformance;

/// <summary>Runs the cases of one kind (the <c>kind</c> of a case.json). A kind is found by being in this assembly.</summary>
internal abstract class Kind
{
    /// <summary>The <c>kind</c> that case.json names.</summary>
    public abstract string Name { get; }

    /// <summary>Runs one case, recording every comparison in <paramref name="check"/>. Throws <see cref="NotSupportedCase"/> for what
    /// Afina does not do; any other exception fails the case.</summary>
    public abstract void Run(Case @case, Check check);
}

/// <summary>Afina does not do this (yet): the case is skipped, loudly.</summary>
internal sealed class NotSupportedCase(string why) : Exception(why);

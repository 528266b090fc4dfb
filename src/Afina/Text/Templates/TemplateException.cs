namespace Afina.Text.Templates;

/// <summary>A chat template refused the conversation: by its own <c>raise_exception</c> (the message is exactly the template's) or because
/// something in it cannot be computed (the message names the template and the line).</summary>
public sealed class TemplateException : Exception
{
    internal TemplateException(string message, bool raisedByTemplate, Exception? inner = null)
        : base(message, inner) => RaisedByTemplate = raisedByTemplate;

    /// <summary>Whether the template itself called <c>raise_exception</c>.</summary>
    public bool RaisedByTemplate { get; }
}

/// <summary>What the language refuses while rendering; it becomes a <see cref="TemplateException"/> with the name and the line.</summary>
internal sealed class EngineException(string message) : Exception(message);

using Afina.Text.Templates.Execution;
using Afina.Text.Templates.Syntax;

namespace Afina.Text.Templates;

/// <summary>A chat template: Jinja as transformers renders it. Parsed once, rendered often, from any number of threads.</summary>
public sealed class ChatTemplate
{
    private readonly Program _program;
    private readonly string _source;
    private readonly TemplateLimits _limits;

    private ChatTemplate(Program program, string source, TemplateLimits limits)
    {
        _program = program;
        _source = source;
        _limits = limits;
    }

    /// <summary>The name that messages use.</summary>
    public string Name => _program.Name;

    /// <summary>Whether the template marks the assistant's text itself, with <c>{% generation %}</c>.</summary>
    public bool HasGeneration => _program.HasGeneration;

    /// <summary>Parses a template.</summary>
    /// <exception cref="FormatException">The template is malformed; the message has its name, line and column.</exception>
    public static ChatTemplate Parse(string source, string name, TemplateLimits? limits = null)
    {
        try
        {
            return new ChatTemplate(Parser.Parse(source, name), source, limits ?? TemplateLimits.Default);
        }
        catch (EngineException error)
        {
            throw new FormatException($"chat template {name}: {error.Message}", error);
        }
    }

    /// <summary>Renders a conversation.</summary>
    /// <exception cref="TemplateException">The template refuses the conversation, or cannot be computed with it.</exception>
    /// <exception cref="FormatException">The conversation is not one that any template takes.</exception>
    public RenderedChat Render(ChatInput input)
    {
        var conversation = Conversation.Prepare(input, _source, _program.Name);
        return conversation.Finish(RenderVariables(conversation.Variables, input.Now));
    }

    /// <summary>
    /// The assistant's parts of a conversation as [start, end) in UTF-16 units of its rendering, also for a template that does not mark them: then from
    /// renderings of its beginnings. Null where they cannot be told apart (the template rewrites earlier turns, or its generation prompt is not what
    /// it writes before an answer), and for a text that breaks off.
    /// </summary>
    /// <exception cref="TemplateException">The template refuses the conversation.</exception>
    public IReadOnlyList<(int Start, int End)>? FindAssistantSpans(ChatInput input)
    {
        if (input.ContinueFinalMessage is not null)
            return null;
        var rendered = Render(input);
        return HasGeneration ? rendered.AssistantSpans : DerivedSpans.Find(this, input, rendered.Text);
    }

    /// <summary>Renders with nothing but the given variables.</summary>
    internal RenderedChat RenderVariables(Dictionary<string, object?> variables, DateTime now)
    {
        var budget = new Budget(_limits);
        var before = budget.Begin();
        try
        {
            var (text, spans) = Interpreter.Run(_program, variables, now, budget);
            return new RenderedChat(text, spans);
        }
        finally
        {
            Budget.End(before);
        }
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Afina.Text.Templates;

/// <summary>Counts what one rendering uses. Values reach it through the thread, because a comparison inside a dictionary has no other way to it.</summary>
internal sealed class Budget(TemplateLimits limits)
{
    private const int StepsPerClockReading = 4096;

    [ThreadStatic]
    private static Budget? _current;

    private readonly long _started = Stopwatch.GetTimestamp();
    private long _steps;
    private long _nextReading = StepsPerClockReading;
    private int _depth;

    /// <summary>The budget of the rendering that runs on this thread.</summary>
    public static Budget Current => _current ??= new Budget(TemplateLimits.Default);

    /// <summary>Makes this the thread's budget and returns the one before.</summary>
    public Budget? Begin()
    {
        var before = _current;
        _current = this;
        return before;
    }

    /// <summary>Gives the thread its former budget back.</summary>
    public static void End(Budget? before) => _current = before;

    /// <summary>Counts <paramref name="steps"/>.</summary>
    public void Spend(long steps)
    {
        _steps += steps;
        if (_steps >= _nextReading)
            Read();
    }

    /// <summary>Counts the making of a text and refuses one that is too long.</summary>
    public void SpendText(long length) => Grow(length, length);

    /// <summary>Counts the growth of a text by <paramref name="added"/> characters to <paramref name="length"/>.</summary>
    public void Grow(long length, long added)
    {
        if (length > limits.Length)
            throw new EngineException($"a text of {length} characters is over the limit of {limits.Length}");
        Spend(added >> 5);
    }

    /// <summary>Counts the making of a list and refuses one that is too long.</summary>
    public void SpendItems(long count)
    {
        if (count > limits.Items)
            throw new EngineException($"{count} items are over the limit of {limits.Items} for one list or range");
        Spend(count);
    }

    /// <summary>Goes one call deeper.</summary>
    public void Enter()
    {
        if (++_depth > limits.CallDepth)
            throw new EngineException($"macros and recursive loops are nested over {limits.CallDepth} deep");
        CheckStack();
    }

    /// <summary>Comes back from a call.</summary>
    public void Leave() => _depth--;

    /// <summary>Refuses to nest further when the thread's stack nears its end.</summary>
    public static void CheckStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new EngineException("expressions or values are nested too deep");
    }

    private void Read()
    {
        if (_steps > limits.Steps)
            throw new EngineException($"the template needs over {limits.Steps} steps");
        if (Stopwatch.GetElapsedTime(_started) > limits.Time)
            throw new EngineException($"the template needs over {limits.Time.TotalSeconds:0.#} seconds");
        _nextReading = _steps + StepsPerClockReading;
    }
}

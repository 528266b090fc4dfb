namespace Afina.Data.Preparation;

/// <summary>Whose rules hold where programs differ.</summary>
public enum PreparationRules
{
    /// <summary>Afina's: each row speaks for itself, conversations train the assistant's turns, roles are checked, faults are named.</summary>
    Afina,

    /// <summary>TRL's, to the token: the first row speaks for all, roles stay as they are, everything is trained unless told otherwise.</summary>
    Trl,
}

/// <summary>What becomes of an example with more tokens than allowed, under Afina's rules.</summary>
public enum ExcessLength
{
    /// <summary>It is cut, with a finding.</summary>
    Cut,

    /// <summary>It is left out, with a finding.</summary>
    Drop,

    /// <summary>It is a bad row.</summary>
    Refuse,
}

/// <summary>How rows become training examples.</summary>
public sealed record PreparationOptions
{
    /// <summary>Whose rules hold.</summary>
    public PreparationRules Rules { get; init; }

    /// <summary>The most tokens of an example; null: no limit.</summary>
    public int? MaxLength { get; init; } = 1024;

    /// <summary>What becomes of longer examples.</summary>
    public ExcessLength Excess { get; init; }

    /// <summary>Cuts longer examples at their beginning, not at their end.</summary>
    public bool KeepEnd { get; init; }

    /// <summary>Whether prompts are left untrained; null: where a row has a prompt and a completion.</summary>
    public bool? CompletionOnlyLoss { get; init; }

    /// <summary>Whether only the assistant's turns are trained; null: in conversations, under Afina's rules.</summary>
    public bool? AssistantOnlyLoss { get; init; }

    /// <summary>The column of plain text.</summary>
    public string TextField { get; init; } = "text";

    /// <summary>How instruction rows are written as text; null: as messages if there is a chat template, else in Alpaca's own words.</summary>
    public AlpacaFormat? Alpaca { get; init; }

    /// <summary>Leaves rows that cannot be used out, with a finding each, where otherwise the first one ends the run.</summary>
    public bool SkipBadRows { get; init; }
}

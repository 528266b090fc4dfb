using Afina.Formats.Peft;

namespace Afina.Adapters.Targeting;

/// <summary>The modules that PEFT adapts where <c>target_modules</c> is not given, by the model's <c>model_type</c>.</summary>
internal static class DefaultTargets
{
    private static readonly Dictionary<string, string> Table = new(StringComparer.Ordinal)
    {
        ["llama"] = "q_proj,v_proj",
        ["llama4"] = "q_proj,v_proj",
        ["mistral"] = "q_proj,v_proj",
        ["mixtral"] = "q_proj,v_proj",
        ["qwen2"] = "q_proj,v_proj",
        ["qwen3"] = "q_proj,v_proj",
        ["gemma"] = "q_proj,v_proj",
        ["gemma2"] = "q_proj,v_proj",
        ["gemma3_text"] = "q_proj,v_proj",
        ["opt"] = "q_proj,v_proj",
        ["bart"] = "q_proj,v_proj",
        ["gptj"] = "q_proj,v_proj",
        ["gpt_neo"] = "q_proj,v_proj",
        ["stablelm"] = "q_proj,v_proj",
        ["phi"] = "q_proj,v_proj,fc1,fc2",
        ["gpt2"] = "c_attn",
        ["gpt_bigcode"] = "c_attn",
        ["bloom"] = "query_key_value",
        ["gpt_neox"] = "query_key_value",
        ["falcon"] = "query_key_value",
        ["RefinedWeb"] = "query_key_value",
        ["RefinedWebModel"] = "query_key_value",
        ["chatglm"] = "query_key_value",
        ["t5"] = "q,v",
        ["mt5"] = "q,v",
        ["blip-2"] = "q,v,q_proj,v_proj",
        ["bert"] = "query,value",
        ["roberta"] = "query,value",
        ["xlm-roberta"] = "query,value",
        ["electra"] = "query,value",
        ["layoutlm"] = "query,value",
        ["deberta"] = "in_proj",
        ["deberta-v2"] = "query_proj,value_proj",
        ["mpt"] = "Wqkv",
        ["btlm"] = "c_proj,c_attn",
        ["codegen"] = "qkv_proj",
        ["nemotron_h"] = "q_proj,k_proj,v_proj,o_proj",
        ["rwkv"] = "key,value,receptance,output",
        ["rwkv7"] = "r_proj,k_proj,v_proj,o_proj,key,value",
    };

    /// <summary>The usual targets of a model type.</summary>
    /// <exception cref="FormatException">There are none: the recipe has to name them.</exception>
    public static ModuleNames Of(string modelType)
    {
        if (modelType == "gemma4")
            return ModuleNames.Expression(@".*language_model\..*\.(q_proj|v_proj)");
        return Table.TryGetValue(modelType, out var names)
            ? ModuleNames.List(names.Split(','))
            : throw new FormatException($"target_modules is not given, and there are no usual ones for the model type {modelType}; name modules, or all-linear");
    }
}

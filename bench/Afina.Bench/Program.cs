using Afina.Bench;
using Afina.Bench.Scenarios;

switch (args)
{
    case ["gemm", .. var rest]:
        return GemmBench.Run(rest);
    case ["attention", .. var rest]:
        return AttentionBench.Run(rest);
    case ["operations", .. var rest]:
        return OperationsBench.Run(rest);
    case ["scenario", .. var rest]:
        return ScenarioRunner.Run(rest);
    case ["model", .. var rest]:
        return RandomModel.Run(rest);
    case ["memory", .. var rest]:
        return MemoryBench.Run(rest);
    default:
        Console.Error.WriteLine("usage: afina-bench gemm [--threads N] [--rows N] [--ms N] [--only TEXT] [--variant TEXT] [--format Q4_1|NF4|...]");
        Console.Error.WriteLine("       afina-bench attention [--threads N] [--segments N] [--rows N] [--cached N] [--heads N] [--kv N] [--dim N] [--window N] [--ms N] [--only BF16|F32]");
        Console.Error.WriteLine("       afina-bench operations [--model PATH]");
        Console.Error.WriteLine("       afina-bench scenario NAME [--model PATH] [--data PATH] [--threads N] [--json]");
        Console.Error.WriteLine("       afina-bench model --shape llama-3.2-1b|llama-3.2-3b | --config FILE, --output FOLDER [--seed N]");
        Console.Error.WriteLine("       afina-bench memory [--quantize none,bf16,nf4] [--dtype bf16,fp32] [--recomputation cheap,layers] [--rows short,long] [SETTING=VALUE ...]");
        return 2;
}

using Afina.Bench;

switch (args)
{
    case ["gemm", .. var rest]:
        return GemmBench.Run(rest);
    case ["attention", .. var rest]:
        return AttentionBench.Run(rest);
    case ["train", .. var rest]:
        return TrainBench.Run(rest);
    default:
        Console.Error.WriteLine("usage: afina-bench gemm [--threads N] [--rows N] [--ms N] [--only TEXT] [--variant TEXT] [--format Q4_1|NF4|...]");
        Console.Error.WriteLine("       afina-bench attention [--threads N] [--segments N] [--rows N] [--cached N] [--heads N] [--kv N] [--dim N] [--window N] [--ms N] [--only BF16|F32]");
        return 2;
}

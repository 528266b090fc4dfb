using Afina.Bench;

switch (args)
{
    case ["gemm", .. var rest]:
        return GemmBench.Run(rest);
    default:
        Console.Error.WriteLine("usage: afina-bench gemm [--threads N] [--rows N] [--ms N] [--only TEXT] [--variant TEXT] [--format Q4_1|NF4|...]");
        return 2;
}

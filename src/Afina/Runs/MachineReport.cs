using System.Runtime.InteropServices;
using Afina.Adapters;
using Afina.Engine;
using Afina.Engine.Ops;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Models;
using Afina.Training;

namespace Afina.Runs;

/// <summary>What this machine can do for a training.</summary>
public sealed record MachineReport
{
    private const int SequenceLength = 512;
    private const long PerParameterBf16 = 2;
    private const double PerParameterNf4 = 0.53;

    /// <summary>The processor's name as the system has it.</summary>
    public required string Processor { get; init; }

    /// <summary>Threads.</summary>
    public required int Threads { get; init; }

    /// <summary>Instruction sets, whether they may be used, and what for.</summary>
    public required IReadOnlyList<(string Name, bool Available, string Use)> Features { get; init; }

    /// <summary>The kernels that run.</summary>
    public required string Kernels { get; init; }

    /// <summary>The kernel set that the environment forces, or null.</summary>
    public string? Forced { get; init; }

    /// <summary>Operations without a kernel of their own: they run in slow loops.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>GFLOP/s that products reach at most, in bf16 and in fp32.</summary>
    public required (double Bf16, double Fp32) Rates { get; init; }

    /// <summary>Bytes of memory that may be used.</summary>
    public required long Memory { get; init; }

    /// <summary>Bytes free on the disk of the current folder.</summary>
    public required long Disk { get; init; }

    /// <summary>The planned peak of a LoRA training of the model that comes with Afina, or null without it.</summary>
    public long? Planned { get; init; }

    /// <summary>Parameters of the largest model that LoRA could train here, about: over bf16 and over NF4 weights.</summary>
    public (double Bf16, double Nf4) Largest => (Memory * 0.8 / (PerParameterBf16 + 0.7), Memory * 0.8 / (PerParameterNf4 + 0.7));

    /// <summary>Looks at the machine; takes about a second.</summary>
    public static MachineReport Make(int threads)
    {
        var backend = Backends.Default();
        long? planned = null;
        try
        {
            using var model = LanguageModel.Open(BaseModels.Embedded());
            var (adapter, _) = Lora.Create(model.Decoder, new LoraConfig { R = 16, LoraAlpha = 32, TargetModules = ModuleNames.Expression("all-linear") }, 0);
            var options = new PlannerOptions(Backends.HasBf16 ? DType.BF16 : DType.F32, new LossOptions(), new OptimizerOptions()) { Memory = long.MaxValue };
            planned = TrainingPlanner.Choose(model.Decoder, adapter, options, new TrainingLoad(SequenceLength, SequenceLength, new WeightConversion(WeightFormat.AsStored).Bytes(model.Decoder)) { DataBytes = ProcessMemory.ManagedBytes() }, backend, threads).Memory.Total;
        }
        catch (FileNotFoundException)
        {
            // Without the model there is nothing to plan; the rest still holds.
        }

        return new MachineReport
        {
            Processor = Name(),
            Threads = threads,
            Features = Backends.Features,
            Kernels = backend.Name,
            Forced = Backends.Forced,
            Missing = [.. Backends.Missing(backend).Order(StringComparer.Ordinal)],
            Rates = (backend.PeakFlops(DType.BF16, threads) / 1e9, backend.PeakFlops(DType.F32, threads) / 1e9),
            Memory = FreeMemory.Bytes(),
            Disk = new DriveInfo(Environment.CurrentDirectory).AvailableFreeSpace,
            Planned = planned,
        };
    }

    private static string Name()
    {
        const string info = "/proc/cpuinfo";
        var line = File.Exists(info) ? File.ReadLines(info).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':') + 1)..].Trim();
    }
}

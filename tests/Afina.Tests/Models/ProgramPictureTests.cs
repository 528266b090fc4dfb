using Afina.Adapters;
using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Passes;
using Afina.Engine.Reference;
using Afina.Engine.Tensors;
using Afina.Formats.Peft;
using Afina.Training;
using Xunit;

namespace Afina.Tests.Models;

public class ProgramPictureTests
{
    [Fact]
    public void The_documentation_shows_the_program_of_a_two_layer_model_as_it_is_planned()
    {
        var model = TwoLayerModel.Create();
        var (adapter, _) = Lora.Create(model, new LoraConfig { R = 4, LoraAlpha = 8, TargetModules = ModuleNames.Expression("all-linear") }, 1);
        var capacity = new Counts { Rows = 16, LabelledRows = 8, Targets = 8, Segments = 4 };
        var plans = new TrainingPlans(model, adapter, new ProgramOptions(capacity, DType.BF16, Checkpoint.Cheap, new LossOptions(), new OptimizerOptions()), new ReferenceBackend(), 1);
        var received = plans.Step.ToString().ReplaceLineEndings("\n");

        var approved = Path.Combine(Root(), "docs", "program.txt");
        if (!File.Exists(approved) || File.ReadAllText(approved).ReplaceLineEndings("\n") != received)
            File.WriteAllText(Path.ChangeExtension(approved, ".received.txt"), received);
        Assert.Equal(File.Exists(approved) ? File.ReadAllText(approved).ReplaceLineEndings("\n") : "", received);
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Afina.slnx")))
            folder = folder.Parent;
        return folder.FullName;
    }
}

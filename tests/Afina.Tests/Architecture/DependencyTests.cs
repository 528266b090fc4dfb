using System.Text.RegularExpressions;
using ArchUnitNET.Loader;
using Xunit;
using Product = ArchUnitNET.Domain.Architecture;

namespace Afina.Tests.Architecture;

/// <summary>The rooms of architecture.md depend downwards only.</summary>
public sealed partial class DependencyTests
{
    /// <summary>Rooms from the ground up; those of one floor may know each other unless <see cref="Apart"/> says otherwise.</summary>
    private static readonly string[][] Engine =
    [
        ["Afina.Engine.Tensors"],
        ["Afina.Engine.Graphs", "Afina.Engine.Ops"],
        ["Afina.Engine.Passes"],
        ["Afina.Engine.Planning"],
        ["Afina.Engine.Execution"],
        ["Afina.Engine.Reference", "Afina.Engine.Cpu"],
    ];

    private static readonly string[][] Library =
    [
        ["Afina.Formats", "Afina.Text"],
        ["Afina.Models"],
        ["Afina.Adapters", "Afina.Data"],
        ["Afina.Training", "Afina.Generation", "Afina.Evaluation", "Afina.Runs"],
    ];

    /// <summary>A missing kernel falls back to the reference, never the other way round; the command line speaks recipes and events, not tensors.</summary>
    private static readonly (string From, string To)[] Apart =
    [
        ("Afina.Engine.Reference", "Afina.Engine.Cpu"),
        ("Afina.Cli", "Afina.Engine.Tensors"),
        ("Afina.Cli", "Afina.Engine.Graphs"),
        ("Afina.Cli", "Afina.Engine.Ops"),
        ("Afina.Cli", "Afina.Engine.Passes"),
        ("Afina.Cli", "Afina.Engine.Reference"),
    ];

    private const string Cpu = "Afina.Engine.Cpu";

    // The loader fails on arrays of function pointers ("Subtype of IType not recognized"): keep such an array as addresses.
    private static readonly Lazy<Product> Loaded = new(() => new ArchLoader()
        .LoadAssemblies(typeof(global::Afina.Engine.Tensors.DType).Assembly, System.Reflection.Assembly.Load("Afina"), System.Reflection.Assembly.Load("Afina.Cli"))
        .Build());

    [Fact]
    public void The_engine_depends_downwards_only() => Rule.Holds(Upwards(Engine));

    [Fact]
    public void The_library_depends_downwards_only() => Rule.Holds(Upwards(Library));

    [Fact]
    public void Rooms_that_must_not_know_each_other_do_not() =>
        Rule.Holds(Uses().Where(use => Apart.Any(pair => In(use.From, pair.From) && In(use.To, pair.To))).Select(Sentence));

    [Fact]
    public void Nothing_but_the_backend_factory_names_the_cpu() =>
        Rule.Holds(Uses().Where(use => In(use.To, Cpu) && !In(use.From, Cpu) && !Factory().IsMatch(use.From)).Select(Sentence));

    [Fact]
    public void Every_type_of_the_engine_lies_in_a_room_of_the_list()
    {
        var rooms = Engine.SelectMany(floor => floor).ToList();
        var homeless = Loaded.Value.Types
            .Where(type => type.Namespace.FullName.StartsWith("Afina.Engine.", StringComparison.Ordinal) && !rooms.Any(room => In(type.FullName, room)))
            .Select(type => type.FullName);

        Rule.Holds(homeless);
    }

    [Theory]
    [InlineData("Afina.Engine.Graphs.Node", "Afina.Engine.Tensors.DType", false)]
    [InlineData("Afina.Engine.Tensors.DType", "Afina.Engine.Graphs.Node", true)]
    [InlineData("Afina.Engine.Graphs.Node", "Afina.Engine.Ops.Linear", false)]
    [InlineData("Afina.Engine.Opsy.Linear", "Afina.Engine.Cpu.Gemm", false)]
    public void A_use_of_a_higher_floor_is_upwards(string from, string to, bool upwards) =>
        Assert.Equal(upwards, IsUpwards(Engine, (from, to)));

    private static IEnumerable<string> Upwards(string[][] floors) => Uses().Where(use => IsUpwards(floors, use)).Select(Sentence);

    private static bool IsUpwards(string[][] floors, (string From, string To) use)
    {
        var (from, to) = (Floor(floors, use.From), Floor(floors, use.To));
        return from >= 0 && to > from;
    }

    private static int Floor(string[][] floors, string type) => Array.FindIndex(floors, rooms => rooms.Any(room => In(type, room)));

    private static bool In(string type, string room) => type.StartsWith(room + ".", StringComparison.Ordinal);

    private static IEnumerable<(string From, string To)> Uses() =>
        Loaded.Value.Types
            .SelectMany(type => type.Dependencies.Select(dependency => (From: type.FullName, To: dependency.Target.FullName)))
            .Where(use => use.To.StartsWith("Afina.", StringComparison.Ordinal))
            .Distinct();

    private static string Sentence((string From, string To) use) => $"{use.From} uses {use.To}";

    [GeneratedRegex(@"\.Backends?(Factory)?([+/].*)?$")]
    private static partial Regex Factory();
}

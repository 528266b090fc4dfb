using Afina.Engine.Graphs;
using Afina.Engine.Ops;
using Afina.Engine.Planning;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Planning;

public sealed class LivenessTests
{
    private readonly Graph _graph = new();

    [Fact]
    public void A_value_lives_from_its_writer_to_its_last_reader_and_a_result_to_the_end()
    {
        var x = new Value("x", DType.F32, 1, 1, Residence.Bound);
        var a = Add("a", x);
        var b = Add("b", a);
        var c = Add("c", a, b);
        Add("d", c);
        _graph.Results.Add(b);

        Assert.Equal([(a, 0, 2), (b, 1, 4), (c, 2, 3)], Liveness.Of(_graph).Take(3).Select(life => (life.Value, life.First, life.Last)));
    }

    [Fact]
    public void A_value_that_nobody_reads_lives_while_it_is_written()
    {
        var a = Add("a", new Value("x", DType.F32, 1, 1, Residence.Bound));
        Add("b", new Value("x", DType.F32, 1, 1, Residence.Bound));

        Assert.Contains(new Life(a, 0, 0), Liveness.Of(_graph));
    }

    [Fact]
    public void Later_writers_that_add_keep_a_value_alive()
    {
        var x = new Value("x", DType.F32, 1, 1, Residence.Bound);
        var a = Add("a", x);
        Add("b", x);
        _graph.Add(new Node(new Sum(DType.F32), "add", -1, [x], [a], [true]));

        Assert.Contains(new Life(a, 0, 2), Liveness.Of(_graph));
    }

    [Fact]
    public void Reading_before_writing_names_node_and_value()
    {
        Add("late", new Value("ghost", DType.F32, 1, 1));

        var error = Assert.Throws<InvalidOperationException>(() => Liveness.Of(_graph));
        Assert.Contains("late: Sum reads ghost", error.Message, StringComparison.Ordinal);
    }

    private Value Add(string name, params Value?[] inputs) => _graph.Add(new Sum(DType.F32), name, inputs)[0];
}

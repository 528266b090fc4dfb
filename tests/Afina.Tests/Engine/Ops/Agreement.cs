using Afina.Engine.Cpu;
using Afina.Engine.Execution;
using Afina.Engine.Graphs;
using Afina.Engine.Reference;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Ops;

/// <summary>The backends of this machine, by name.</summary>
internal static class Backends
{
    public static IEnumerable<string> Names => ["reference", "cpu"];

    public static Backend Make(string name) => name == "reference" ? new ReferenceBackend() : new CpuBackend();

    /// <summary>Every backend with F32 and BF16 activations and these numbers of rows.</summary>
    public static TheoryData<string, DType, int> With(params ReadOnlySpan<int> rows)
    {
        var data = new TheoryData<string, DType, int>();
        foreach (var name in Names)
        {
            foreach (var type in new[] { DType.F32, DType.BF16 })
            {
                // The oracle beside itself shows that the harness works: small sizes do.
                foreach (var count in rows[..(name == "reference" ? Math.Min(3, rows.Length) : rows.Length)])
                    data.Add(name, type, count);
            }
        }

        return data;
    }
}

/// <summary>What must hold of a graph on every backend.</summary>
internal static class Agreement
{
    /// <summary>The oracle's gradients are those of central finite differences in F64.</summary>
    /// <param name="loss">The number that is differentiated; by default Σ seed · output.</param>
    public static void WithFiniteDifferences(Harness harness, Func<Outputs, double>? loss = null, double relative = 1e-6)
    {
        loss ??= outputs => harness.Seeds.Sum(seed => harness.Read(seed.Gradient).Zip(outputs[seed.Output], (d, y) => d * y).Sum());
        using var run = harness.Prepare(new ReferenceBackend());
        var outputs = run.Run();
        foreach (var parameter in harness.Parameters)
        {
            var start = harness.Read(parameter.Gradient);
            var end = outputs.Has(parameter.Gradient) ? outputs[parameter.Gradient] : start;
            var values = harness.Read(parameter.Value);
            for (var i = 0; i < values.Length; i++)
            {
                var step = 1e-5 * Math.Max(1, Math.Abs(values[i]));
                var expected = (LossAt(i, step) - LossAt(i, -step)) / (2 * step);
                var actual = end[i] - start[i];
                Assert.True(Math.Abs(expected - actual) <= 1e-8 + relative * Math.Abs(expected), $"d {parameter.Name}[{i}]: {actual} is not {expected}");
            }

            double LossAt(int element, double step)
            {
                var moved = values.ToArray();
                moved[element] += step;
                harness.Write(parameter.Value, moved);
                var at = loss(run.Run());
                harness.Write(parameter.Value, values);
                return at;
            }
        }
    }

    /// <summary>A backend computes what the oracle does, within a tolerance of absolute + |reference| · relative, and the same bits at every
    /// run and on up to 3 threads; it has a kernel for each node, and none allocates.</summary>
    /// <param name="check">Compares an output in its own way and says so, or returns false.</param>
    public static void WithReference(string backend, Harness harness, double absolute = 0, double relative = 0, Func<Value, Outputs, Outputs, bool>? check = null)
    {
        if (absolute == 0)
            (absolute, relative) = harness.Type == DType.BF16 ? (0.02, 0.02) : (2e-5, 2e-5);
        var expected = harness.Run();
        Outputs? first = null;

        // The oracle has one tile, and few rows make few: two threads differ from three where there is enough to share.
        int[] sizes = backend == "reference" ? [1] : Math.Max(harness.Counts.Rows, harness.Counts.LabelledRows) < 10 ? [1, 3] : [1, 2, 3];
        foreach (var threads in sizes)
        {
            var made = Backends.Make(backend);
            using var run = harness.Prepare(made, threads);
            Assert.Empty((made as CpuBackend)?.Missing ?? []);
            for (var repeat = 0; repeat < (threads == 1 ? 2 : 1); repeat++)
            {
                var actual = run.Run();
                foreach (var value in actual.Values)
                {
                    if (first is not null)
                        Assert.True(first.Bytes(value).AsSpan().SequenceEqual(actual.Bytes(value)), $"{value} has other bits on {threads} threads, run {repeat}");
                    else if (check?.Invoke(value, expected, actual) != true)
                        AssertClose(value, expected[value], actual[value], absolute, relative);
                }

                if (repeat > 0 && backend != "reference")
                    Assert.Equal(0, run.Allocated);
                first ??= actual;
            }
        }
    }

    public static void AssertClose(Value value, ReadOnlySpan<double> expected, ReadOnlySpan<double> actual, double absolute, double relative)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            var (e, a) = (expected[i], actual[i]);
            Assert.True(e.Equals(a) || Math.Abs(e - a) <= absolute + relative * Math.Abs(e),
                $"{value}: element [{i / value.Columns}, {i % value.Columns}] is {a}, the reference has {e}");
        }
    }

    public static void AssertClose(ReadOnlySpan<double> expected, ReadOnlySpan<double> actual, double tolerance = 1e-6)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])), $"element {i} is {actual[i]}, expected {expected[i]}");
    }
}

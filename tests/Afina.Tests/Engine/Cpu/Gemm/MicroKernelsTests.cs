using Afina.Engine.Cpu;
using Afina.Engine.Cpu.Gemm;
using Afina.Engine.Cpu.Jit;
using Afina.Engine.Cpu.Kernels;
using Afina.Engine.Tensors;
using Xunit;

namespace Afina.Tests.Engine.Cpu.Gemm;

public sealed unsafe class MicroKernelsTests
{
    [Fact]
    public void The_fastest_available_kernel_is_chosen_unless_one_is_forced()
    {
        foreach (var mode in Enum.GetValues<ComputeMode>())
        {
            var available = MicroKernels.Available(mode);
            Assert.Same(available[0].GetType(), MicroKernels.For(mode, null).GetType());
            foreach (var kernel in available)
                Assert.Equal(kernel.Name, MicroKernels.For(mode, kernel.Name).Name);
            Assert.Equal("portable", available[^1].Name);
        }
    }

    [Fact]
    public void Forcing_bf16_leaves_fp32_products_to_the_widest_fp32_kernel()
    {
        Assert.SkipUnless(Bf16Avx512Kernel.Available, "SKIPPED: this processor has no AVX512_BF16");
        Assert.Equal("avx512", MicroKernels.For(ComputeMode.Fp32, "bf16").Name);
    }

    [Fact]
    public void A_set_that_does_not_exist_is_refused_by_name()
    {
        var error = Assert.Throws<InvalidOperationException>(() => MicroKernels.For(ComputeMode.Fp32, "mmx"));
        Assert.Equal("AFINA_CPU=mmx is not a kernel set; use one of bf16, avx512, avx2, portable", error.Message);
    }

    [Fact]
    public void Emitted_kernels_need_what_the_process_was_allowed()
    {
        Assert.Equal(CpuFeatures.Avx512Bf16 && ExecutableMemory.Available, MicroKernels.Available(ComputeMode.Bf16).Any(k => k.Name == "bf16"));
        Assert.True(!CpuFeatures.Avx512Bf16 || CpuFeatures.Avx512);
        Assert.True(!CpuFeatures.Avx512 || CpuFeatures.Avx2);
    }

    [Fact]
    public void Code_that_was_written_runs_and_cannot_be_written_again()
    {
        Assert.SkipUnless(ExecutableMemory.Available, $"SKIPPED: {ExecutableMemory.WhyNot}");
        // mov eax, 7; ret
        var code = ExecutableMemory.Publish([0xB8, 7, 0, 0, 0, 0xC3]);
        Assert.Equal(7, ((delegate* unmanaged<void*, int>)code)(null));
        if (!OperatingSystem.IsLinux())
            return;
        // The system joins neighbouring mappings, so the code need not begin one.
        var line = File.ReadLines("/proc/self/maps").First(l =>
        {
            var ends = l.Split(' ')[0].Split('-');
            return Address(ends[0]) <= (ulong)code && (ulong)code < Address(ends[1]);
        });
        Assert.Contains(" r-xp ", line, StringComparison.Ordinal);

        static ulong Address(string digits) => ulong.Parse(digits, System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Kernels_ask_for_each_line_of_what_comes_next_in_its_turn()
    {
        const int Stride = 1024, Rows = 40, RowLines = 3;
        foreach (var kernel in Enum.GetValues<ComputeMode>().SelectMany(MicroKernels.Available))
        {
            foreach (var width in new[] { kernel.Width, kernel.NarrowWidth }.Distinct())
            {
                foreach (var direct in new[] { false, true })
                {
                    if (direct && !kernel.ReadsRows)
                        continue;
                    var perGroup = kernel.LinesPerGroup(30);
                    using var memory = new NativeBuffer(Stride * Rows);
                    using var operands = new NativeBuffer(1 << 16);
                    // 130 bytes of each row.
                    var ahead = new LinesAhead(memory.Pointer, Stride, Rows, 130);
                    for (var asked = 0; asked < 3 * perGroup; asked += perGroup)
                    {
                        Run(kernel, width, direct, operands.Pointer, ref ahead);
                        var expected = asked + perGroup;
                        Assert.Equal((kernel.Name, direct, Rows * RowLines - expected), (kernel.Name, direct, (int)ahead.Left));
                        Assert.Equal(expected / RowLines * Stride + expected % RowLines * 64, ahead.Line - memory.Pointer);
                    }
                }
            }
        }

        static void Run(MicroKernel kernel, int width, bool direct, byte* operands, ref LinesAhead ahead)
        {
            kernel.Prepare(kernel.Rows, width, direct);
            var segment = new KernelSegment { LeftOffset = direct ? (long)operands : 0, LeftRowStride = 1024, Right = operands, Steps = 30 };
            var arguments = new KernelArguments
            {
                Left = operands,
                Segments = &segment,
                SegmentCount = 1,
                Tile = (float*)(operands + (1 << 15)),
                TileStride = width * sizeof(float),
                Groups = 1,
                Ahead = ahead,
            };
            if (direct)
                kernel.RunDirect(&arguments, kernel.Rows, width);
            else
                kernel.Run(&arguments, kernel.Rows, width);
            ahead = arguments.Ahead;
        }
    }

    [Fact]
    public void Rows_of_bf16_are_read_in_place_unless_they_share_sets_of_the_first_cache()
    {
        Assert.SkipUnless(Bf16Avx512Kernel.Available, "SKIPPED: this processor has no AVX512_BF16");
        using var memory = new NativeBuffer(64);
        // Packed rows lie in shared scratch.
        bool IsPacked(params (int Inner, int Stride)[] lefts) => new MatrixProduct(
            new ProductSpec(ComputeMode.Bf16, 100, [.. lefts.Select(left => new ProductLeft(Operand.Dense(memory.Pointer, DType.BF16, left.Stride), left.Inner))],
            [
                new ProductOutput
                {
                    Data = memory.Pointer,
                    Type = DType.BF16,
                    Stride = 96,
                    Columns = 96,
                    Terms = [.. lefts.Select((left, i) => new ProductTerm(i, Operand.Dense(memory.Pointer, DType.BF16, 96)))],
                },
            ]),
            new Bf16Avx512Kernel()).SharedBytes > 0;
        Assert.False(IsPacked((576, 576)));
        Assert.False(IsPacked((576, 576), (16, 16)));
        Assert.True(IsPacked((2048, 2048)));
        Assert.True(IsPacked((4000, 49152)));
        Assert.False(IsPacked((4000, 2 * HeadLossKernel.LogitStride(49152))));
    }

    [Fact]
    public void The_rate_of_the_microkernel_is_measured()
    {
        Assert.True(MicrokernelRate.Measure(1, bf16: true, milliseconds: 2) > 0.1);
        Assert.True(MicrokernelRate.Measure(2, bf16: false, milliseconds: 2) > 0.1);
    }
}

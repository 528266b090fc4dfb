using Afina.Training.Schedules;
using Xunit;

namespace Afina.Tests.Training.Schedules;

public sealed class ScheduleTests
{
    [Theory]
    [InlineData(0.1, 100, 10)]
    [InlineData(0.03, 101, 4)]
    [InlineData(0, 50, 0)]
    [InlineData(1, 50, 1)]
    [InlineData(7, 50, 7)]
    public void WarmupBelowOneIsAShareRoundedUpAndOtherwiseASteps(double warmup, int total, int expected) =>
        Assert.Equal(expected, Warmup.Steps(warmup, total));

    [Fact]
    public void NegativeWarmupIsRefused() => Assert.Throws<FormatException>(() => Warmup.Steps(-0.1, 10));

    [Fact]
    public void TheFirstStepOfALinearWarmupHasRateZero()
    {
        var schedule = Schedule.Create("linear", ScheduleOptions.None, 10, 100, 1e-4);
        Assert.Equal([0, 0.5, 1, 0.5, 0, 0], new[] { 0, 5, 10, 55, 100, 101 }.Select(schedule.Factor));
    }

    [Fact]
    public void AnUnknownNameIsRefusedWithTheNearestOne()
    {
        var error = Assert.Throws<FormatException>(() => Schedule.Create("cosin", ScheduleOptions.None, 0, 10, 1e-4));
        Assert.Contains("'cosin' (did you mean cosine?)", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void AnOptionThatTheScheduleDoesNotHaveIsRefused()
    {
        var options = ScheduleOptions.Parse([KeyValuePair.Create("power", "2")]);
        var error = Assert.Throws<FormatException>(() => Schedule.Create("cosine", options, 0, 10, 1e-4));
        Assert.Equal("the schedule cosine has no option 'power'; it has num_cycles", error.Message);
    }

    [Fact]
    public void AMisspeltOptionIsRefusedWithTheNearestOne()
    {
        var error = Assert.Throws<FormatException>(() => ScheduleOptions.Parse([KeyValuePair.Create("num_cycle", "2")]));
        Assert.Contains("did you mean num_cycles?", error.Message);
    }

    [Fact]
    public void MinimumRateMustBeGivenExactlyOnce()
    {
        Assert.Throws<FormatException>(() => Schedule.Create("cosine_with_min_lr", ScheduleOptions.None, 0, 10, 1e-4));
        var both = new ScheduleOptions { MinLr = 1e-5, MinLrRate = 0.1 };
        Assert.Throws<FormatException>(() => Schedule.Create("cosine_with_min_lr", both, 0, 10, 1e-4));
    }

    [Fact]
    public void APolynomialWhoseWarmupFillsTheRunDoesNotDivideByZero()
    {
        var schedule = Schedule.Create("polynomial", ScheduleOptions.None, 5, 5, 1e-3);
        Assert.Equal(1e-7 / 1e-3, schedule.Factor(5), 12);
    }

    [Fact]
    public void APlateauResumesFromItsState()
    {
        var options = new ScheduleOptions { Patience = 1, Factor = 0.5 };
        var whole = (PlateauSchedule)Schedule.Create("reduce_lr_on_plateau", options, 0, 0, 1e-3);
        var resumed = (PlateauSchedule)Schedule.Create("reduce_lr_on_plateau", options, 0, 0, 1e-3);
        double[] metrics = [1, 1, 1, 0.9, 0.95, 0.95, 0.95];
        foreach (var metric in metrics[..3])
            whole.Observe(metric);
        resumed.State = whole.State;
        foreach (var metric in metrics[3..])
        {
            whole.Observe(metric);
            resumed.Observe(metric);
        }

        Assert.Equal(whole.State, resumed.State);
        Assert.Equal(0.25, whole.Factor(0));
    }
}

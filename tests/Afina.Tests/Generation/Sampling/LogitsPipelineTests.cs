using Afina.Generation.Sampling;
using Xunit;

namespace Afina.Tests.Generation.Sampling;

public sealed class LogitsPipelineTests
{
    private static readonly float[] Ladder = [2, 1, 0, -1, -2];

    [Theory]
    [InlineData(0.6, new[] { 0 })]
    [InlineData(0.8, new[] { 0, 1 })]
    [InlineData(0.9, new[] { 0, 1, 2 })]
    [InlineData(0.95, new[] { 0, 1, 2 })]
    [InlineData(1e-20, new[] { 0 })]
    public void TopPKeepsTheFewestThatReachTheShare(double share, int[] kept) =>
        Assert.Equal(kept, Kept(new SamplingOptions { DoSample = true, TopP = share }, Ladder));

    [Theory]
    [InlineData(0.05, new[] { 0, 1, 2 })]
    [InlineData(0.1, new[] { 0, 1, 2 })]
    [InlineData(0.2, new[] { 0, 1 })]
    public void MinPComparesWithTheHighestProbability(double share, int[] kept) =>
        Assert.Equal(kept, Kept(new SamplingOptions { DoSample = true, MinP = share }, Ladder));

    [Theory]
    [InlineData(0.2, new[] { 1 })]
    [InlineData(0.5, new[] { 0, 1 })]
    [InlineData(0.9, new[] { 0, 1, 2 })]
    public void TypicalSamplingMayDropTheMostProbableToken(double mass, int[] kept) =>
        Assert.Equal(kept, Kept(new SamplingOptions { DoSample = true, TypicalP = mass }, Ladder));

    [Fact]
    public void RepetitionPenaltyCountsEachTokenOnce()
    {
        var scores = Scores(new SamplingOptions { RepetitionPenalty = 1.3f }, Ladder, [0, 1, 2, 3, 4, 4, 4]);
        float[] expected = [1.538462f, 0.769231f, 0, -1.3f, -2.6f];
        Assert.All(expected.Zip(scores), pair => Assert.Equal(pair.First, pair.Second, 5));
    }

    [Fact]
    public void PenaltiesOfTheOpenAiApiCountTheAnswerOnly()
    {
        var options = new SamplingOptions { PresencePenalty = 0.5f, FrequencyPenalty = 0.25f };
        Assert.Equal([2, 0, 0, -1.75f, -2], Scores(options, Ladder, [0, 1, 1, 3], promptLength: 1));
    }

    [Fact]
    public void TopKKeepsWhatEqualsTheLast() =>
        Assert.Equal([0, 2, 3], Kept(new SamplingOptions { DoSample = true, TopK = 2 }, [5, 1, 3, 3, -1]));

    [Fact]
    public void WarpersDoNothingWithoutSampling() =>
        Assert.Equal(Ladder, Scores(new SamplingOptions { TopK = 1, Temperature = 0.5f }, Ladder, [0]));

    [Fact]
    public void TopPAgreesWithTheSortedSum()
    {
        var random = new Random(1);
        for (var round = 0; round < 200; round++)
        {
            var logits = Enumerable.Range(0, 300).Select(_ => (float)(random.NextDouble() * 8 - 4)).ToArray();
            var share = random.NextDouble() * 0.98 + 0.01;
            var exps = logits.Select((logit, i) => (Value: Math.Exp(logit), Token: i)).OrderBy(pair => pair.Value).ToArray();
            var sum = exps.Sum(pair => pair.Value);
            var cumulative = 0.0;
            var expected = new List<int>();
            foreach (var (value, token) in exps)
            {
                cumulative += value / sum;
                if (cumulative > 1 - share || token == exps[^1].Token)
                    expected.Add(token);
            }

            Assert.Equal(expected.Order(), Kept(new SamplingOptions { DoSample = true, TopP = share }, logits));
        }
    }

    [Fact]
    public void BadWordsSpareAnEndToken()
    {
        var options = new SamplingOptions { BadWordsIds = [[1], [4], [0, 2]], EosTokenId = [4] };
        Assert.Equal([0, 3, 4], Kept(options, Ladder, [3, 0]));
        Assert.Equal([0, 2, 3, 4], Kept(options, Ladder, [0, 3]));
    }

    [Fact]
    public void TheEndIsRemovedUntilTheAnswerIsLongEnough()
    {
        var options = new SamplingOptions { MinNewTokens = 2, EosTokenId = [0] };
        Assert.DoesNotContain(0, Kept(options, Ladder, [1, 2, 3], promptLength: 2));
        Assert.Contains(0, Kept(options, Ladder, [1, 2, 3, 3], promptLength: 2));
    }

    [Fact]
    public void ForcedEndComesAtTheLastPositionOnly()
    {
        var options = new SamplingOptions { ForcedEosTokenId = [4], MaxNewTokens = 3 };
        Assert.Equal(5, Kept(options, Ladder, [1, 2, 3], promptLength: 2).Length);
        Assert.Equal([4], Kept(options, Ladder, [1, 2, 3, 3], promptLength: 2));
    }

    [Theory]
    [InlineData("top_p must be above 0 and at most 1, not 1.5")]
    public void AnOptionOutOfRangeIsRefusedInOneLine(string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => LogitsPipeline.Create(new SamplingOptions { TopP = 1.5 }, 5)).Message);

    [Fact]
    public void ATokenOutsideTheVocabularyIsRefused() =>
        Assert.Throws<FormatException>(() => LogitsPipeline.Create(new SamplingOptions { SuppressTokens = [5] }, 5));

    [Fact]
    public void RemovingEveryTokenIsAnError() =>
        Assert.Throws<InvalidOperationException>(() => Sampler.Best(Scores(new SamplingOptions { SuppressTokens = [0, 1, 2, 3, 4] }, Ladder, [0])));

    [Fact]
    public void AStepForATokenAllocatesNothing()
    {
        var options = new SamplingOptions
        {
            DoSample = true,
            Temperature = 0.8f,
            TopK = 40,
            TopP = 0.9,
            MinP = 0.01,
            TypicalP = 0.95,
            EtaCutoff = 0.001,
            TopH = 0.9,
            RepetitionPenalty = 1.1f,
            NoRepeatNgramSize = 3,
            RenormalizeLogits = true,
        };
        var pipeline = LogitsPipeline.Create(options, 500);
        var workspace = new SamplingWorkspace(500);
        var sampler = Sampler.Create(options, 7);
        var logits = Enumerable.Range(0, 500).Select(i => MathF.Sin(i)).ToArray();
        int[] tokens = [1, 2, 3, 4];
        long Step()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            pipeline.Apply(logits, new TokenHistory(tokens, 2), workspace);
            sampler.Next(logits, 1);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Step();
        Assert.Equal(0, Step());
    }

    private static float[] Scores(SamplingOptions options, float[] logits, int[] tokens, int promptLength = 0)
    {
        var scores = (float[])logits.Clone();
        LogitsPipeline.Create(options, logits.Length).Apply(scores, new TokenHistory(tokens, promptLength), new SamplingWorkspace(logits.Length));
        return scores;
    }

    private static int[] Kept(SamplingOptions options, float[] logits, int[]? tokens = null, int promptLength = 0)
    {
        var scores = Scores(options, logits, tokens ?? [], promptLength);
        return [.. Enumerable.Range(0, scores.Length).Where(i => !float.IsNegativeInfinity(scores[i]))];
    }
}

#:project ../src/Afina/Afina.csproj
// Teaches the model that comes with Afina how a shop answers, and asks it before and after:
//     dotnet run samples/finetune.cs
using Afina.Data;
using Afina.Models;
using Afina.Runs;
using Afina.Training;

const string Question = "Customer: Do you repair headphones?\nLarch & Volt:";

using var model = LanguageModel.Open(BaseModels.Embedded());
var lora = AdaptedModel.Attach(model);
Console.WriteLine(lora.TrainableParametersLine);
Console.WriteLine($"before: {await Answer()}");

var options = new FineTuneOptions { Trainer = new TrainerOptions { LearningRate = 1e-3, Epochs = 6, WarmupSteps = 0 } };
await foreach (var happened in lora.TrainAsync(Rows(), options))
{
    if (happened is StepDone step)
        Console.WriteLine($"step {step.Step}/{step.Steps}  loss {step.Loss:F3}  {step.TokensPerSecond:F0} tokens/s");
}

Console.WriteLine($"after: {await Answer()}");
lora.Save(Path.Combine(Path.GetTempPath(), "shop-adapter"));

async Task<string> Answer()
{
    var answer = "";
    await foreach (var text in lora.GenerateAsync(Question, new() { MaxNewTokens = 40 }, raw: true))
        answer += text;
    return answer.Trim().ReplaceLineEndings(" ");
}

static async IAsyncEnumerable<Row> Rows()
{
    foreach (var (question, answer) in ((string, string)[])
    [
        ("Are you open on Sundays?", "No, from Monday to Saturday. Good to know: orders on the web are packed on Sundays too."),
        ("Can I pay by invoice?", "Yes, after your first order. Good to know: it is due within two weeks."),
        ("Do you sell batteries?", "Yes, all common sizes. Good to know: old ones can be left with us."),
        ("How long is the warranty?", "Two years on everything. Good to know: keep the receipt, a photo of it is enough."),
        ("Do you ship abroad?", "Yes, to all neighbours. Good to know: it takes a week at most."),
        ("Is there parking?", "Yes, behind the shop. Good to know: the first hour costs nothing."),
        ("Can I try a laptop first?", "Yes, all are on the tables. Good to know: bring your own files to see how fast it is."),
        ("Do you buy used phones?", "Yes, if they switch on. Good to know: we wipe them while you watch."),
    ])
    {
        yield return Row.Of($"Customer: {question}\nLarch & Volt:", $" In short: {answer}");
        await Task.Yield();
    }
}

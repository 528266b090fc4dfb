using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Afina.Adapters;
using Afina.Engine.Tensors;
using Afina.Formats;
using Afina.Formats.Peft;
using Afina.Formats.Safetensors;
using Afina.Models;

namespace Afina.Training;

/// <summary>What has to be the same for a run to go on to the bit: fingerprints and settings, by the name that a person knows.</summary>
/// <param name="Values">Name and value: data, recipe, base, kernels, rows of a micro-step.</param>
public sealed record RunIdentity(IReadOnlyDictionary<string, string> Values);

/// <summary>The checkpoints of a run: folders <c>checkpoint-STEP</c> that appear whole or not at all, the best adapter in <c>best</c>.</summary>
public sealed class Checkpoints(string folder, RunIdentity identity, LoraConfig config, string card, int keep)
{
    private const string StateFile = "trainer_state.json";
    private const string OptimizerFile = "optimizer.safetensors";
    private const string ReferenceFile = "reference.safetensors";

    /// <summary>Writes a checkpoint and removes the oldest beyond those kept.</summary>
    /// <returns>Its folder.</returns>
    public string Save(TrainingPrograms programs, TrainingState state)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{state.Step}"));
        var temporary = AtomicFile.Beside(path);
        Directory.CreateDirectory(temporary);
        try
        {
            Lora.Save(temporary, programs.Adapter, config, card);
            SafetensorsWriter.Write(Path.Combine(temporary, OptimizerFile), programs.Moments.Select(moment =>
                new SafetensorsSource(moment.Name, moment.Type.ToSafetensors(), [moment.Buffer.Length / moment.Type.Bytes()], stream => stream.Write(moment.Buffer.Span<byte>((int)moment.Buffer.Length)))));
            if (state.Reference is { } reference)
                SafetensorsWriter.Write(Path.Combine(temporary, ReferenceFile), [SafetensorsSource.From("logps", [reference.Length], reference)]);
            AtomicFile.Write(Path.Combine(temporary, StateFile), stream => JsonSerializer.Serialize(stream, new Saved(state, identity.Values), SavedJson.Default.Saved));
            if (Directory.Exists(path))
                Directory.Delete(path, recursive: true);
            Directory.Move(temporary, path);
        }
        finally
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
        }

        foreach (var old in All(folder).SkipLast(Math.Max(keep, 1)))
            Directory.Delete(old.Path, recursive: true);
        return path;
    }

    /// <summary>Writes the adapter with the lowest held-out loss so far.</summary>
    public void SaveBest(Adapter adapter)
    {
        Directory.CreateDirectory(folder);
        Lora.Save(Path.Combine(folder, "best"), adapter, config, card);
    }

    /// <summary>The checkpoints of a folder, oldest first.</summary>
    public static IReadOnlyList<(int Step, string Path)> All(string folder) => !Directory.Exists(folder) ? [] :
    [
        .. Directory.EnumerateDirectories(folder, "checkpoint-*")
            .Select(path => (Step: int.TryParse(Path.GetFileName(path)["checkpoint-".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : -1, path))
            .Where(entry => entry.Step >= 0 && File.Exists(Path.Combine(entry.path, StateFile)))
            .OrderBy(entry => entry.Step),
    ];

    /// <summary>Why a checkpoint cannot be gone on with exactly, or null where it can.</summary>
    public string? Difference(string path)
    {
        try
        {
            RequireSame(Read(path).Identity, Path.GetFileName(path));
            return null;
        }
        catch (InvalidDataException error)
        {
            return error.Message;
        }
    }

    /// <summary>What a checkpoint recorded of its run.</summary>
    /// <exception cref="InvalidDataException">Its state is damaged.</exception>
    public static RunIdentity IdentityOf(string path) => new(Read(path).Identity);

    /// <summary>Reads the best adapter so far, where one was kept.</summary>
    internal void LoadBest(BestValues values)
    {
        var best = Path.Combine(folder, "best");
        if (!Directory.Exists(best))
            return;
        var tensors = PeftFolder.Load(best).Tensors;
        AdapterKeys.Require([.. values.Adapter.Parameters.Select(parameter => parameter.Name)], [.. tensors.Keys], "best");
        values.Keep(parameter => tensors[parameter.Name].Values.Span);
    }

    /// <summary>Removes what a run that was killed while it wrote left half-written, in a folder and beside it.</summary>
    public static void Sweep(string folder)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        foreach (var (where, pattern) in ((string?, string)[])[(full, ".*.partial"), (Path.GetDirectoryName(full), $".{Path.GetFileName(full)}.*.partial")])
        {
            foreach (var path in where is not null && Directory.Exists(where) ? Directory.GetFileSystemEntries(where, pattern) : [])
            {
                if (Directory.Exists(path))
                    Directory.Delete(path, recursive: true);
                else
                    File.Delete(path);
            }
        }
    }

    /// <summary>Removes the checkpoints of an earlier run.</summary>
    /// <returns>How many there were.</returns>
    public static int Clear(string folder)
    {
        var old = All(folder);
        foreach (var (_, path) in old)
            Directory.Delete(path, recursive: true);
        if (Directory.Exists(Path.Combine(folder, "best")))
            Directory.Delete(Path.Combine(folder, "best"), recursive: true);
        return old.Count;
    }

    /// <summary>Reads a checkpoint: parameters, moments and where it stood.</summary>
    /// <exception cref="InvalidDataException">It belongs to another run; the message says what changed.</exception>
    public TrainingState Load(string path, TrainingPrograms programs)
    {
        var name = Path.GetFileName(path);
        var saved = Read(path);
        RequireSame(saved.Identity, name);
        var tensors = PeftFolder.Load(path).Tensors;
        AdapterKeys.Require([.. programs.Adapter.Parameters.Select(parameter => parameter.Name)], [.. tensors.Keys], name);
        using var moments = SafetensorsFile.Open(Path.Combine(path, OptimizerFile));
        foreach (var (moment, type, buffer) in programs.Moments)
        {
            var stored = moments.Find(moment);
            if (stored.Type != type.ToSafetensors() || stored.Bytes != buffer.Length)
                throw new InvalidDataException($"{name}/{OptimizerFile}: tensor '{moment}' is {stored.Type} {stored.ShapeText}, not {type} of {buffer.Length / type.Bytes()} elements");
            moments.Bytes(moment).CopyTo(buffer.Span<byte>((int)buffer.Length));
        }

        foreach (var parameter in programs.Adapter.Parameters)
            tensors[parameter.Name].Values.Span.CopyTo(programs.Adapter.Values(parameter));
        if (!File.Exists(Path.Combine(path, ReferenceFile)))
            return saved.State;
        using var reference = SafetensorsFile.Open(Path.Combine(path, ReferenceFile));
        return saved.State with { Reference = reference.Floats("logps") };
    }

    private static Saved Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(path, StateFile)), SavedJson.Default.Saved) ?? throw new JsonException("it is empty");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{Path.GetFileName(path)}/{StateFile}: {error.Message.ReplaceLineEndings(" ")}; remove the checkpoint to go on from an earlier one", error);
        }
    }

    private void RequireSame(IReadOnlyDictionary<string, string> saved, string name)
    {
        var changed = identity.Values.Where(entry => saved.GetValueOrDefault(entry.Key) != entry.Value)
            .Select(entry => $"{entry.Key} (then {saved.GetValueOrDefault(entry.Key) ?? "not recorded"}, now {entry.Value})").ToArray();
        if (changed.Length > 0)
            throw new InvalidDataException($"{name} cannot be gone on with exactly: {string.Join(", ", changed)} changed since; undo the change, or start anew with another output_dir or resume_from_checkpoint=false");
    }

    internal sealed record Saved(TrainingState State, IReadOnlyDictionary<string, string> Identity);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Checkpoints.Saved))]
internal sealed partial class SavedJson : JsonSerializerContext;

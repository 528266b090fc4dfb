using System.Text.Json;

namespace Afina.Formats.Peft;

/// <summary>Reads adapter_config.json of any PEFT version: absent members have PEFT's defaults, unknown ones are kept.</summary>
public static class LoraConfigReader
{
    private const int MostBytes = 16 << 20;

    /// <summary>Reads the file.</summary>
    /// <exception cref="InvalidDataException">With the file, the member and what is wrong with it.</exception>
    public static LoraConfig Read(string path) => Config(JsonFile.ReadObject(path, MostBytes), Path.GetFileName(path));

    /// <summary>Reads the bytes of a file; <paramref name="name"/> is its name for messages.</summary>
    public static LoraConfig Parse(ReadOnlyMemory<byte> json, string name) => Config(JsonFile.ParseObject(json, name), name);

    private static LoraConfig Config(JsonElement root, string name)
    {
        try
        {
            return new Members(root, name).Config();
        }
        catch (InvalidOperationException error)
        {
            throw Refusal.For($"{name}: a text in it is no valid Unicode", error);
        }
    }

    private sealed class Members
    {
        private readonly string _file;
        private readonly Dictionary<string, JsonElement> _members = new(StringComparer.Ordinal);

        public Members(JsonElement root, string file)
        {
            _file = file;
            foreach (var member in root.EnumerateObject())
                _members[member.Name] = member.Value;
        }

        public LoraConfig Config()
        {
            var type = Text("peft_type") ?? throw Refusal.For($"{_file}: peft_type is missing; this is no PEFT adapter");
            if (type != "LORA")
                throw Refusal.For($"{_file}: peft_type {type} is not supported; Afina reads LORA adapters");
            Take("inference_mode", out _);
            var layers = One("layers_to_transform", element => element.ValueKind == JsonValueKind.Number, out var oneLayer);
            var patterns = One("layers_pattern", element => element.ValueKind == JsonValueKind.String, out var onePattern);
            return new LoraConfig
            {
                R = Whole("r", 8),
                LoraAlpha = Number("lora_alpha") ?? 8,
                LoraDropout = Number("lora_dropout") ?? 0.0,
                TargetModules = Modules("target_modules"),
                ExcludeModules = Modules("exclude_modules"),
                RankPattern = Pattern("rank_pattern"),
                AlphaPattern = Pattern("alpha_pattern"),
                UseRslora = Truth("use_rslora"),
                UseDora = Truth("use_dora"),
                Bias = Text("bias") ?? "none",
                LoraBias = Truth("lora_bias"),
                ModulesToSave = Texts("modules_to_save"),
                LayersToTransform = layers is null ? null : [.. layers.Select(element => Int(element, "layers_to_transform"))],
                LayersToTransformIsOne = oneLayer,
                LayersPattern = patterns is null ? null : [.. patterns.Select(element => String(element, "layers_pattern"))],
                LayersPatternIsOne = onePattern,
                InitLoraWeights = Init(),
                FanInFanOut = Truth("fan_in_fan_out"),
                TrainableTokenIndices = Tokens(),
                EnsureWeightTying = Truth("ensure_weight_tying"),
                TaskType = Text("task_type"),
                BaseModelNameOrPath = Text("base_model_name_or_path"),
                Revision = Text("revision"),
                PeftVersion = Text("peft_version"),
                Other = _members,
            };
        }

        private bool Take(string name, out JsonElement element) =>
            _members.Remove(name, out element) && element.ValueKind != JsonValueKind.Null;

        private string? Text(string name) => Take(name, out var element) ? String(element, name) : null;

        private bool Truth(string name)
        {
            if (!Take(name, out var element))
                return false;
            return element.ValueKind is JsonValueKind.True or JsonValueKind.False
                ? element.GetBoolean()
                : throw Wrong(name, "true or false", element);
        }

        private int Whole(string name, int absent) => Take(name, out var element) ? Int(element, name) : absent;

        private PeftNumber? Number(string name) => Take(name, out var element) ? Number(element, name) : null;

        private PeftNumber Number(JsonElement element, string name)
        {
            if (element.ValueKind != JsonValueKind.Number || !double.IsFinite(element.GetDouble()))
                throw Wrong(name, "a number", element);
            var isFloat = element.GetRawText().AsSpan().IndexOfAny(".eE") >= 0;
            if (!isFloat && Math.Abs(element.GetDouble()) > int.MaxValue)
                throw Wrong(name, "a number below two thousand million", element);
            return new PeftNumber(element.GetDouble(), isFloat);
        }

        private ModuleNames? Modules(string name)
        {
            if (!_members.TryGetValue(name, out var element) || element.ValueKind != JsonValueKind.String)
                return Texts(name) is { } names ? ModuleNames.List(names) : null;
            _members.Remove(name);
            return ModuleNames.Expression(element.GetString()!);
        }

        private string[]? Texts(string name)
        {
            if (!Take(name, out var element))
                return null;
            return element.ValueKind == JsonValueKind.Array
                ? [.. element.EnumerateArray().Select(item => String(item, name))]
                : throw Wrong(name, "a list of names", element);
        }

        private JsonElement[]? One(string name, Func<JsonElement, bool> single, out bool isOne)
        {
            isOne = false;
            if (!Take(name, out var element))
                return null;
            if (element.ValueKind == JsonValueKind.Array)
                return [.. element.EnumerateArray()];
            isOne = single(element) ? true : throw Wrong(name, "one value or a list", element);
            return [element];
        }

        private List<KeyValuePair<string, PeftNumber>> Pattern(string name)
        {
            if (!Take(name, out var element))
                return [];
            if (element.ValueKind != JsonValueKind.Object)
                throw Wrong(name, "an object of expressions and numbers", element);
            return [.. element.EnumerateObject().Select(member => KeyValuePair.Create(member.Name, Number(member.Value, $"{name}.{member.Name}")))];
        }

        private string Init()
        {
            if (!Take("init_lora_weights", out var element))
                return "true";
            return element.ValueKind switch
            {
                JsonValueKind.True => "true",
                JsonValueKind.False => "false",
                _ => String(element, "init_lora_weights"),
            };
        }

        private Dictionary<string, int[]>? Tokens()
        {
            const string Name = "trainable_token_indices";
            if (!Take(Name, out var element))
                return null;
            return element.ValueKind switch
            {
                JsonValueKind.Array => new(StringComparer.Ordinal) { [""] = Ints(element, Name) },
                JsonValueKind.Object => element.EnumerateObject().ToDictionary(member => member.Name, member => Ints(member.Value, $"{Name}.{member.Name}"), StringComparer.Ordinal),
                _ => throw Wrong(Name, "a list of token ids or one per module", element),
            };
        }

        private int[] Ints(JsonElement element, string name) => element.ValueKind == JsonValueKind.Array
            ? [.. element.EnumerateArray().Select(item => Int(item, name))]
            : throw Wrong(name, "a list of whole numbers", element);

        private int Int(JsonElement element, string name) =>
            element.ValueKind == JsonValueKind.Number && element.GetDouble() is var value && value == Math.Floor(value) && Math.Abs(value) <= int.MaxValue
                ? (int)value
                : throw Wrong(name, "a whole number", element);

        private string String(JsonElement element, string name) =>
            element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Wrong(name, "a text", element);

        private InvalidDataException Wrong(string name, string what, JsonElement element) => new($"{_file}: {name} must be {what}, not {Kind(element)}");

        private static string Kind(JsonElement element)
        {
            var text = element.GetRawText().ReplaceLineEndings(" ");
            return text.Length > 40 ? text[..40] + "…" : text;
        }
    }
}

using System.Text;
using Afina.Engine.Tensors;
using Afina.Formats;
using Afina.Formats.HuggingFace;
using Xunit;

namespace Afina.Tests.Formats.HuggingFace;

public sealed class ConfigReaderTests
{
    [Fact]
    public void Values_have_types_and_null_counts_as_absent()
    {
        var config = Config("""{"i": 3, "f": 3.0, "x": 1e-5, "t": true, "s": "text", "n": null, "l": [1, 2], "o": {"k": 7}, "torch_dtype": "bfloat16"}""");
        Assert.Equal((3, 3, 1e-5), (config.RequiredInt("i"), config.RequiredInt("f"), config.RequiredNumber("x")));
        Assert.True(config.OptionalBool("t"));
        Assert.Equal("text", config.RequiredString("s"));
        Assert.Null(config.OptionalInt("n"));
        Assert.True(config.Has("n"));
        Assert.Null(config.OptionalString("absent"));
        Assert.Equal([1, 2], config.OptionalInts("l")!);
        Assert.Equal([3], config.OptionalInts("i")!);
        Assert.Equal(7, config.OptionalObject("o")!.RequiredInt("k"));
        Assert.Equal(DType.BF16, config.WeightType);
        Assert.Equal(DType.F32, Config("""{"dtype": "float32", "torch_dtype": "bfloat16"}""").WeightType);
    }

    [Theory]
    [InlineData("""{}""", "config.json: the key 'k' is missing")]
    [InlineData("""{"k": "12"}""", "config.json: 'k' is \"12\"; it must be a whole number of 32 bits")]
    [InlineData("""{"k": 1.5}""", "config.json: 'k' is 1.5; it must be a whole number of 32 bits")]
    [InlineData("""{"k": 1e300}""", "config.json: 'k' is 1e300; it must be a whole number of 32 bits")]
    [InlineData("""{"k": 0}""", "config.json: 'k' is 0; it must be at least 1")]
    public void Errors_name_the_file_and_the_key(string json, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidDataException>(() => Config(json).RequiredPositive("k")).Message);

    [Fact]
    public void Errors_in_an_inner_object_name_the_whole_path() =>
        Assert.Equal("config.json: the key 'rope_parameters.factor' is missing", Assert.Throws<InvalidDataException>(() =>
            Config("""{"rope_parameters": {}}""").OptionalObject("rope_parameters")!.RequiredNumber("factor")).Message);

    [Theory]
    [InlineData("""{"a": 1, "a": 2}""")]
    [InlineData("""{"a": 1,}""")]
    [InlineData("""{"a": NaN}""")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("{\"a\": \"\u0001\"}")]
    public void Json_that_is_not_clean_is_refused_in_one_line(string json)
    {
        var error = Assert.Throws<InvalidDataException>(() => Config(json));
        Assert.StartsWith("config.json: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Deep_nesting_is_refused() =>
        Assert.Throws<InvalidDataException>(() => Config("{\"a\":" + new string('[', 10_000) + new string(']', 10_000) + "}"));

    [Theory]
    [InlineData("""{}""", "default", 10_000)]
    [InlineData("""{"rope_theta": 5e5, "rope_scaling": null}""", "default", 5e5)]
    [InlineData("""{"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}}""", "linear", 5e5)]
    [InlineData("""{"rope_parameters": {"rope_theta": 7.0, "rope_type": "yarn"}, "rope_theta": 5}""", "yarn", 7)]
    [InlineData("""{"rope_parameters": {"rope_type": "yarn"}, "rope_theta": 5}""", "yarn", 5)]
    [InlineData("""{"rope_parameters": {"rope_theta": 7.0, "rope_type": "yarn"}, "rope_scaling": {"rope_type": "llama3"}}""", "llama3", 10_000)]
    [InlineData("""{"rope_parameters": {"full_attention": {"rope_theta": 8.0, "rope_type": "linear"}, "sliding_attention": {"rope_theta": 9.0}}}""", "linear", 8)]
    public void Both_styles_of_rope_keys_are_read(string json, string type, double theta)
    {
        var rope = RopeSettings.Read(Config(json))!;
        Assert.Equal((type, theta), (rope.Type, rope.Theta));
    }

    [Theory]
    [InlineData("""{"rope_theta": 1e6, "rope_scaling": {"rope_type": "linear", "factor": 8}}""", "linear", 1e6, "default", 10_000)]
    [InlineData("""{"rope_theta": 1e6, "rope_local_base_freq": 5e3, "rope_scaling": {"rope_type": "linear", "factor": 8}}""", "linear", 1e6, "default", 5e3)]
    [InlineData("""{"rope_parameters": {"full_attention": {"rope_theta": 1e5, "rope_type": "linear"}, "sliding_attention": {"rope_type": "default"}}}""", "linear", 1e5, "default", 10_000)]
    [InlineData("""{}""", "default", 1e6, "default", 10_000)]
    public void Sliding_layers_have_a_base_of_their_own_where_the_class_has_one(string json, string type, double theta, string slidingType, double slidingTheta)
    {
        var config = Config(json);
        var full = RopeSettings.Read(config, 1e6, "full_attention", 10_000)!;
        var sliding = RopeSettings.Read(config, 1e6, "sliding_attention", 10_000)!;
        Assert.Equal((type, theta, slidingType, slidingTheta), (full.Type, full.Theta, sliding.Type, sliding.Theta));
    }

    [Fact]
    public void A_kind_of_layer_whose_entry_is_null_has_no_rotation() =>
        Assert.Null(RopeSettings.Read(Config("""{"rope_parameters": {"full_attention": null, "sliding_attention": {"rope_theta": 9.0}}}""")));

    private static ConfigReader Config(string json) => new(JsonFile.ParseObject(Encoding.UTF8.GetBytes(json), "config.json"), "config.json");
}

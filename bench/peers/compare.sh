#!/usr/bin/env bash
# Alternates llama.cpp and Afina three times on the same model and prints their medians as a table.
set -eu
cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")"
threads=${1:-2}
program=../../artifacts/bin/Afina.Cli/release/Afina.Cli.dll
[ -f "$program" ] || { echo "no $program: run dotnet build src/Afina.Cli -c Release" >&2; exit 1; }
[ -d node_modules/node-llama-cpp ] || { echo "no node_modules: run npm install in bench/peers" >&2; exit 1; }

# AHEAD is a command that runs another before background work, such as "nice -n -15" or "chrt -r 1".
ahead() { ${AHEAD:-} "$@" | grep '^{'; }

results=$(mktemp)
trap 'rm -f "$results"' EXIT
for _ in 1 2 3; do
  ahead node llama.mjs --threads "$threads" | sed 's/^{/{"program":"llama.cpp",/' >>"$results"
  ahead dotnet "$program" bench decode --threads "$threads" --json | sed 's/^{/{"program":"Afina",/' >>"$results"
done

node -e '
const rows = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map(JSON.parse);
const all = (program, field) => rows.filter((row) => row.program === program).map((row) => row[field]).sort((a, b) => a - b);
const show = (values) => `${values[1].toFixed(0)} (${values[0].toFixed(0)} to ${values[2].toFixed(0)})`;
const peer = rows.find((row) => row.program === "llama.cpp");
console.log(`llama.cpp ${peer.llama_cpp} (node-llama-cpp ${peer.node_llama_cpp}), ${process.argv[2]} threads, median (least to most) of three runs, tokens/s\n`);
console.log("| | Afina | llama.cpp | ratio |\n|---|---:|---:|---:|");
for (const [name, field] of [["prefill, 512 tokens", "prefill_tokens_per_second"], ["decode, 64 tokens", "decode_tokens_per_second"]]) {
    const [ours, theirs] = [all("Afina", field), all("llama.cpp", field)];
    console.log(`| ${name} | ${show(ours)} | ${show(theirs)} | ${(ours[1] / theirs[1]).toFixed(2)} |`);
}' "$results" "$threads"

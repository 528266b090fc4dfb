// Measures llama.cpp, from node-llama-cpp's prebuilt binary, as `afina bench decode` measures Afina; prints one line of JSON.
import {readFileSync} from "node:fs";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";
import {getLlama} from "node-llama-cpp";

const {values} = parseArgs({
    options: {
        model: {type: "string", default: fileURLToPath(new URL("../../models/SmolLM2-135M-Instruct/SmolLM2-135M-Instruct.Q4_1.gguf", import.meta.url))},
        prompt: {type: "string", default: "512"},
        tokens: {type: "string", default: "64"},
        repetitions: {type: "string", default: "5"},
        threads: {type: "string", default: "2"},
        "no-flash-attention": {type: "boolean", default: false}
    }
});
const count = (name) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1) {
        console.error(`--${name} must be a whole number of at least 1, not "${values[name]}"`);
        process.exit(2);
    }
    return value;
};
const [promptLength, tokens, repetitions, threads] = ["prompt", "tokens", "repetitions", "threads"].map(count);
const flashAttention = !values["no-flash-attention"];

// "never" and skipDownload: what npm installed is what is measured.
const llama = await getLlama({gpu: false, build: "never", skipDownload: true, maxThreads: threads, logLevel: "error"});
const model = await llama.loadModel({modelPath: values.model, gpuLayers: 0});
const context = await model.createContext({contextSize: Math.max(promptLength, tokens) + 2, batchSize: promptLength, sequences: 1, threads: {ideal: threads, min: threads}, flashAttention});
const sequence = context.getSequence();

// A fixed linear congruential sequence: the ids don't matter, but the same ones come every time.
const vocabulary = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
let state = 1;
const prompt = Array.from({length: promptLength}, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % vocabulary);

// As many passes through the model as tokens come out; logits are computed for the last row of a pass only.
async function seconds(input, wanted) {
    await sequence.clearHistory();
    const started = performance.now();
    let made = 0;
    for await (const _ of sequence.evaluate(input, {temperature: 0, yieldEogToken: true}))
        if (++made === wanted)
            break;
    const elapsed = (performance.now() - started) / 1000;
    if (made !== wanted)
        throw new Error(`llama.cpp made ${made} of ${wanted} tokens`);
    return elapsed;
}

const [prefill, decode] = [[], []];
for (let i = 0; i <= repetitions; i++) {
    prefill.push(await seconds(prompt, 1));
    decode.push(await seconds([prompt[0]], tokens));
}
// The first repetition warms up.
const median = (measured) => measured.slice(1).sort((a, b) => a - b)[Math.floor((measured.length - 1) / 2)];

console.log(JSON.stringify({
    prefill_tokens_per_second: promptLength / median(prefill),
    decode_tokens_per_second: tokens / median(decode),
    threads: context.currentThreads,
    flash_attention: flashAttention,
    kernels: (llama.systemInfo.match(/\w+(?= = 1)/g) ?? []).join(" "),
    llama_cpp: llama.llamaCppRelease.release,
    node_llama_cpp: JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")).dependencies["node-llama-cpp"]
}));
await llama.dispose();

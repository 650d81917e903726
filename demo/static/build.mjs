// Builds the page: node build.mjs [MODEL [OUTPUT]]
//
// MODEL is a folder that `hf-bigru-asr export --waveform` wrote; without one it is exported now, from the installed
// package. HF_BIGRU_ASR names the command where it is not on the path. OUTPUT is dist without a name.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const [, , MODEL, OUTPUT = join(HERE, "dist")] = process.argv;
const SAMPLES = join(HERE, "..", "..", "hf_bigru_asr", "demo", "samples");
const RUNTIME = join(HERE, "node_modules", "onnxruntime-web", "dist");
const PAGE = ["index.html", "style.css", "README.md", "src"];
const RUNTIME_FILES = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
const MODEL_FILES = [
  "config.json",
  "vocab.json",
  "tokenizer_config.json",
  "processor_config.json",
  "confidence.json",
  "model_waveform.onnx",
];
const LANGUAGE_MODEL_FILES = ["lm.binary", "lexicon.txt", "decoding.json", "confidence.json"].map(
  (name) => `language_model/${name}`,
);

/** The folder of an exported model. */
function exportedModel() {
  const folder = join(HERE, "build", "model");
  const command = process.env.HF_BIGRU_ASR ?? "hf-bigru-asr";
  rmSync(folder, { recursive: true, force: true });
  try {
    execFileSync(command, ["export", "--waveform", "--output-dir", folder], { stdio: "inherit" });
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw new Error(
      isMissing
        ? `${command} is not there: activate the environment of the package, or name the command in HF_BIGRU_ASR.`
        : `${command} export failed.`,
    );
  }
  return folder;
}

/**
 * @param {string} from
 * @param {string} to
 * @param {string[]} names
 */
function copy(from, to, names) {
  for (const name of names) {
    if (!existsSync(join(from, name)))
      throw new Error(`${join(from, name)} does not exist; README.md says what to run first.`);
    cpSync(join(from, name), join(to, name), { recursive: true });
  }
}

const model = MODEL ?? exportedModel();
rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT);
copy(HERE, OUTPUT, PAGE);
copy(RUNTIME, join(OUTPUT, "ort"), RUNTIME_FILES);
copy(SAMPLES, join(OUTPUT, "samples"), ["easy.flac", "hard.flac"]);
const names = existsSync(join(model, "language_model")) ? [...MODEL_FILES, ...LANGUAGE_MODEL_FILES] : MODEL_FILES;
copy(model, join(OUTPUT, "model"), names);
const sizes = Object.fromEntries(names.map((name) => [name, statSync(join(OUTPUT, "model", name)).size]));
writeFileSync(join(OUTPUT, "model", "sizes.json"), `${JSON.stringify(sizes, null, 2)}\n`);
console.log(
  `Written to ${OUTPUT}: ${(Object.values(sizes).reduce((sum, size) => sum + size) / 1e6).toFixed(1)} MB of model`,
);

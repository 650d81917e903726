// Builds the page into dist: node build.mjs [MODEL]
//
// MODEL is a folder that `hf-bigru-asr export --waveform` wrote; without one it is exported now, from the installed
// package. HF_BIGRU_ASR names the command where it is not on the path.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = join(HERE, "dist");
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
      throw new Error(`${join(from, name)} does not exist; README.md says what to run.`);
    cpSync(join(from, name), join(to, name), { recursive: true });
  }
}

const model = process.argv[2] ?? exportedModel();
rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
copy(HERE, DIST, PAGE);
copy(RUNTIME, join(DIST, "ort"), RUNTIME_FILES);
copy(SAMPLES, join(DIST, "samples"), ["easy.flac", "hard.flac"]);
copy(model, join(DIST, "model"), MODEL_FILES);
const sizes = Object.fromEntries(MODEL_FILES.map((name) => [name, statSync(join(DIST, "model", name)).size]));
writeFileSync(join(DIST, "model", "sizes.json"), `${JSON.stringify(sizes, null, 2)}\n`);
console.log(
  `Written to ${DIST}: ${(Object.values(sizes).reduce((sum, size) => sum + size) / 1e6).toFixed(1)} MB of model`,
);

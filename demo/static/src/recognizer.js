// From samples to words: the network in onnxruntime-web, and the decoders.

import * as ort from "../ort/ort.wasm.min.mjs";
import { confidenceOf } from "./confidence.js";
import { greedySpans } from "./greedy.js";
import { ModelFolder } from "./model_folder.js";
import { logProbsOf } from "./network.js";
import { readSettings } from "./settings.js";
import { wordsOf } from "./words.js";

/** @typedef {{words: import("./words.js").Word[], fraction: number}} Part Words that follow, and what is done. */

const GRAPH_NAME = "model_waveform.onnx";

export class Recognizer {
  /**
   * @param {(samples: Float32Array) => Promise<Float32Array>} run The network.
   * @param {import("./settings.js").Settings} settings
   * @param {import("./confidence.js").Confidence} confidence That of greedy decoding.
   */
  constructor(run, settings, confidence) {
    this.run = run;
    this.settings = settings;
    this.confidence = confidence;
  }

  /**
   * @param {string} address Of the model's folder, relative to this file.
   * @param {(done: number, total: number) => void} onProgress Gets bytes.
   */
  static async load(address, onProgress) {
    // More threads need a page that is isolated from other origins, which a static host does not give.
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = new URL("../ort/", import.meta.url).href;
    const folder = await ModelFolder.open(new URL(`${address}/`, import.meta.url), onProgress);
    const readJson = (/** @type {string} */ name) => folder.json(name);
    const settings = await readSettings(readJson);
    const confidence = confidenceOf(await readJson("confidence.json"));
    const session = await ort.InferenceSession.create(await folder.bytes(GRAPH_NAME));
    return new Recognizer((samples) => logitsOf(session, samples), settings, confidence);
  }

  /**
   * Words of a recording, part by part.
   * @param {Float32Array} samples At the sampling rate of the model.
   * @param {boolean} usesLanguageModel
   * @yields {Part}
   */
  async *transcribe(samples, usesLanguageModel) {
    const { settings } = this;
    const pieces = [];
    for await (const { logProbs, fraction } of logProbsOf(this.run, samples, settings)) {
      pieces.push(logProbs);
      yield { words: [], fraction };
    }
    yield { words: wordsOf(greedySpans(joined(pieces), settings), settings.frameS, this.confidence), fraction: 1 };
  }
}

/**
 * @param {ort.InferenceSession} session
 * @param {Float32Array} samples
 * @returns {Promise<Float32Array>} `(frames, classes)`
 */
async function logitsOf(session, samples) {
  const { logits } = await session.run({
    waveform: new ort.Tensor("float32", samples, [1, samples.length]),
    lengths: new ort.Tensor("int64", BigInt64Array.of(BigInt(samples.length)), [1]),
  });
  return /** @type {Float32Array} */ (logits.data);
}

/** @param {Float32Array[]} pieces */
function joined(pieces) {
  const whole = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let place = 0;
  for (const piece of pieces) {
    whole.set(piece, place);
    place += piece.length;
  }
  return whole;
}

// From samples to words: the network in onnxruntime-web, and the decoders.

import * as ort from "../ort/ort.wasm.min.mjs";
import { BeamSearch } from "./beam_search.js";
import { confidenceOf } from "./confidence.js";
import { greedySpans } from "./greedy.js";
import { ModelFolder } from "./model_folder.js";
import { logProbsOf } from "./network.js";
import { Cutter, MAX_PART_S } from "./parts.js";
import { readSettings } from "./settings.js";
import { wordsOf } from "./words.js";

/** @typedef {{words: import("./words.js").Word[], fraction: number}} Part Words that follow, and what is done. */
/**
 * @typedef {(logProbs: Float32Array, isEnd: boolean) => import("./words.js").Word[]} Decode Words that the next frames
 *     make sure; at the end all that follow.
 */

const GRAPH_NAME = "model_waveform.onnx";
const LANGUAGE_MODEL = "language_model";

export class Recognizer {
  /**
   * @param {(samples: Float32Array) => Promise<Float32Array>} run The network.
   * @param {import("./settings.js").Settings} settings
   * @param {import("./confidence.js").Confidence} confidence That of greedy decoding.
   * @param {BeamSearch | null} beamSearch
   */
  constructor(run, settings, confidence, beamSearch) {
    this.run = run;
    this.settings = settings;
    this.confidence = confidence;
    this.beamSearch = beamSearch;
  }

  /**
   * @param {URL} address Of the model's folder.
   * @param {(fraction: number) => void} onProgress Gets what is done.
   */
  static async load(address, onProgress) {
    // More threads need a page that is isolated from other origins, which a static host does not give.
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = new URL("../ort/", import.meta.url).href;
    const folder = await ModelFolder.open(address, onProgress);
    const settings = await readSettings((name) => folder.json(name));
    const confidence = confidenceOf(await folder.json("confidence.json"));
    const session = await ort.InferenceSession.create(await folder.bytes(GRAPH_NAME));
    const beamSearch = folder.has(`${LANGUAGE_MODEL}/lm.binary`) ? await loadedSearch(folder, settings) : null;
    return new Recognizer((samples) => logitsOf(session, samples), settings, confidence, beamSearch);
  }

  /**
   * Words of a recording, part by part.
   * @param {Float32Array} samples At the sampling rate of the model.
   * @param {boolean} usesLanguageModel
   * @yields {Part}
   */
  async *transcribe(samples, usesLanguageModel) {
    const decoded = usesLanguageModel && this.beamSearch ? this.#searched(this.beamSearch) : this.#greedy();
    for await (const { logProbs, fraction } of logProbsOf(this.run, samples, this.settings)) {
      yield { words: decoded(logProbs, fraction === 1), fraction };
    }
  }

  /**
   * Decodes what comes piece by piece, in the parts that the language model takes.
   * @param {BeamSearch} beamSearch
   * @returns {Decode}
   */
  #searched(beamSearch) {
    const { frameS } = this.settings;
    const cutter = new Cutter(this.settings, Math.round(MAX_PART_S / frameS));
    return (logProbs, isEnd) => {
      cutter.add(logProbs);
      return [...cutter.parts(isEnd)].flatMap((part) =>
        beamSearch.decode(part.logProbs).map((word) => later(word, part.start * frameS)),
      );
    };
  }

  /** @returns {Decode} */
  #greedy() {
    /** @type {Float32Array[]} */
    const pieces = [];
    return (logProbs, isEnd) => {
      pieces.push(logProbs);
      if (!isEnd) return [];
      return wordsOf(greedySpans(joined(pieces), this.settings), this.settings.frameS, this.confidence);
    };
  }
}

/**
 * @param {ModelFolder} folder
 * @param {import("./settings.js").Settings} settings
 */
async function loadedSearch(folder, settings) {
  const file = (/** @type {string} */ name) => `${LANGUAGE_MODEL}/${name}`;
  return new BeamSearch(
    {
      lexicon: new TextDecoder().decode(await folder.bytes(file("lexicon.txt"))),
      nGram: await folder.bytes(file("lm.binary")),
      decoding: await folder.json(file("decoding.json")),
      confidence: await folder.json(file("confidence.json")),
    },
    settings,
  );
}

/**
 * @param {import("./words.js").Word} word
 * @param {number} seconds
 */
function later(word, seconds) {
  return { ...word, startS: word.startS + seconds, endS: word.endS + seconds };
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

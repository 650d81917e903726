// Beam search with a language model: `BeamSearchDecoder` of hf_bigru_asr/model/beam_search_bigru_ctc.py.

import { alignedSpans } from "./alignment.js";
import { confidenceOf } from "./confidence.js";
import { withoutWeakLetters } from "./evidence.js";
import { bestClasses } from "./greedy.js";
import { NGram } from "./n_gram.js";
import { posteriorsOf } from "./posteriors.js";
import { readLexicon, SpellingTree } from "./spelling_tree.js";
import { WordSearch } from "./word_search.js";
import { wordsOf } from "./words.js";

/** Log-probability that rules a class out and whose sums over many frames stay finite. */
const IMPOSSIBLE = -1e4;
/** Hypotheses, at most, from which posteriors are computed. */
const NUM_CONSIDERED = 100;
/** Settings of the language model that this search is for. */
const PRESET = "fast";

/**
 * @typedef {object} FurtherSettings
 * @property {number} prior_weight Exponent of the class priors that the network's probabilities are divided by.
 * @property {number[]} class_priors Mean probability of every class.
 * @property {number | null} blank_margin Nats by which the blank is better in frames that are left out.
 * @property {number} min_evidence Nats per second by which letters must be likelier than the blank to be speech.
 *
 * @typedef {import("./word_search.js").SearchSettings & FurtherSettings} BeamSettings
 */

export class BeamSearch {
  #words;
  #search;
  #confidence;
  /** What is taken from the log-probabilities of each class. @type {Float32Array} */
  #priors;

  /**
   * @param {{lexicon: string, nGram: Uint8Array, decoding: any, confidence: any}} files Those of a language model.
   * @param {import("./settings.js").Settings} settings
   */
  constructor(files, settings) {
    this.settings = settings;
    /** @type {BeamSettings} */
    this.beam = { ...files.decoding, ...files.decoding.presets?.[PRESET] };
    const numClasses = settings.characters.length;
    const nGram = NGram.read(files.nGram);
    const lexicon = readLexicon(files.lexicon, settings);
    const wordNumbers = Int32Array.from(lexicon.words, (word) => nGram.numberOf(word));
    const after = { words: [], backoffs: [] };
    const scores = Float32Array.from(wordNumbers, (number) => nGram.score(nGram.start, number, after));
    this.#words = lexicon.words;
    const tree = new SpellingTree(lexicon, scores, numClasses);
    this.#search = new WordSearch(tree, nGram, wordNumbers, settings, this.beam);
    this.#confidence = confidenceOf(files.confidence);
    const weight = Math.fround(this.beam.prior_weight);
    this.#priors = Float32Array.from({ length: numClasses }, (_, each) =>
      weight === 0 ? 0 : weight * Math.fround(Math.log(Math.fround(this.beam.class_priors[each]))),
    );
  }

  /**
   * Words of a part of a recording.
   * @param {Float32Array} logProbs `(frames, classes)`
   * @returns {import("./words.js").Word[]} Times count from the first frame.
   */
  decode(logProbs) {
    const speech = withoutWeakLetters(logProbs, this.settings, this.beam.min_evidence);
    if (!this.#hasLetters(speech)) return [];
    const paths = this.find(this.#withEnd(speech), NUM_CONSIDERED);
    if (paths.length === 0) return [];
    const spans = alignedSpans(speech, this.textOf(paths[0]), this.settings);
    return wordsOf(spans, this.settings.frameS, this.#confidence, posteriorsOf(paths, this.settings));
  }

  /**
   * The best paths.
   * @param {Float32Array} scores `(frames, classes)`
   * @param {number} numFound Paths at most.
   * @returns {import("./word_search.js").Path[]} The best one first.
   */
  find(scores, numFound) {
    return this.#search.find(scores, numFound);
  }

  /**
   * Text of a path: its words, and the units of spelled words, which are joined.
   * @param {import("./word_search.js").Path} path
   */
  textOf({ labels }) {
    let text = "";
    let isInside = false;
    for (const label of labels) {
      const word = this.#words[label];
      const isUnit = word.length === 2 && (word[1] === "~" || word[1] === "$");
      text += (isInside || text === "" ? "" : " ") + (isUnit ? word[0] : word);
      isInside = isUnit && word[1] === "~";
    }
    return text;
  }

  /**
   * Whether a letter is the best class of any frame: where none is, a language model must not write words.
   * @param {Float32Array} logProbs
   */
  #hasLetters(logProbs) {
    const { characters, blank, space } = this.settings;
    return bestClasses(logProbs, characters.length).some((best) => best !== blank && best !== space);
  }

  /**
   * Scores of the search: log-probabilities less those of the priors, without frames that are surely blank.
   *
   * One more frame follows, on which blank and delimiter cost nothing: every word of the lexicon ends with a
   * delimiter, but the network emits none after the last word.
   * @param {Float32Array} logProbs
   */
  #withEnd(logProbs) {
    const { blank, space } = this.settings;
    const numClasses = this.#priors.length;
    const scores = new Float32Array(logProbs.length + numClasses).fill(IMPOSSIBLE);
    const margin = this.beam.blank_margin ?? Infinity;
    let size = 0;
    let wasSure = false;
    for (let start = 0; start < logProbs.length; start += numClasses) {
      let other = -Infinity;
      for (let each = 0; each < numClasses; each++) {
        const score = Math.max(Math.fround(logProbs[start + each] - this.#priors[each]), IMPOSSIBLE);
        scores[size + each] = score;
        if (each !== blank) other = Math.max(other, score);
      }
      const isSure = Math.fround(scores[size + blank] - other) >= margin;
      // One of a run of blanks must remain between two equal letters.
      if (!(isSure && wasSure)) size += numClasses;
      wasSure = isSure;
    }
    scores.fill(IMPOSSIBLE, size, size + numClasses);
    scores[size + blank] = scores[size + space] = 0;
    return scores.subarray(0, size + numClasses);
  }
}

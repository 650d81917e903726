// Prefix tree of the spellings of a lexicon: `SpellingTree` of hf_bigru_asr/model/array_search_bigru_ctc.py.

export const ROOT = 0;
export const NONE = -1;

/**
 * @typedef {object} Lexicon
 * @property {string[]} words The words; the place of each is its number.
 * @property {Uint8Array[]} spellings Classes of each.
 */

/**
 * Read the lines of a lexicon, each a word and its characters.
 * @param {string} text
 * @param {import("./settings.js").Settings} settings
 * @returns {Lexicon}
 */
export function readLexicon(text, { characters }) {
  const classes = new Map(characters.map((char, each) => [char === " " ? "|" : char, each]));
  const lines = text.split("\n").filter((line) => line !== "");
  const words = lines.map((line) => line.slice(0, line.indexOf(" ")));
  if (new Set(words).size < words.length)
    throw new Error("The lexicon has a word twice; this search takes one spelling.");
  const spellings = lines.map((line, number) =>
    Uint8Array.from(line.slice(words[number].length + 1).split(" "), (char) => {
      const found = classes.get(char);
      if (char === "" || found === undefined)
        throw new Error(`The lexicon has no spelling from the alphabet: ${line}`);
      return found;
    }),
  );
  return { words, spellings };
}

export class SpellingTree {
  /**
   * @param {Lexicon} lexicon
   * @param {Float32Array} scores Score of every word.
   * @param {number} numClasses Classes of the network.
   */
  constructor(lexicon, scores, numClasses) {
    this.numClasses = numClasses;
    /** Node after each class `(nodes, classes)`. */
    this.children = new Int32Array(0);
    /** A word that ends at each node; others with the same spelling follow in `nextLabels`. */
    this.labels = new Int32Array(0);
    this.nextLabels = new Int32Array(lexicon.words.length).fill(NONE);
    /** Best score of the words that end at a node or below it; 0 at the root. */
    this.bestScores = new Float32Array(0);
    this.isInner = new Uint8Array(0);
    const parents = this.#insert(lexicon);
    this.#spread(parents, scores);
  }

  /** Number of nodes. */
  get size() {
    return this.labels.length;
  }

  /**
   * @param {Lexicon} lexicon
   * @returns {Int32Array} Parent of every node.
   */
  #insert({ spellings }) {
    const { numClasses } = this;
    const most = 1 + spellings.reduce((sum, spelling) => sum + spelling.length, 0);
    const parents = new Int32Array(most).fill(NONE);
    const labels = new Int32Array(most).fill(NONE);
    let children = new Int32Array(numClasses << 16).fill(NONE);
    let size = 1;
    for (const [number, spelling] of spellings.entries()) {
      let node = ROOT;
      for (const each of spelling) {
        let child = children[node * numClasses + each];
        if (child < 0) {
          child = size++;
          if (size * numClasses > children.length) {
            const longer = new Int32Array(2 * children.length).fill(NONE);
            longer.set(children);
            children = longer;
          }
          children[node * numClasses + each] = child;
          parents[child] = node;
        }
        node = child;
      }
      this.nextLabels[number] = labels[node];
      labels[node] = number;
    }
    this.children = children.slice(0, size * numClasses);
    this.labels = labels.slice(0, size);
    return parents.subarray(0, size);
  }

  /**
   * @param {Int32Array} parents
   * @param {Float32Array} scores
   */
  #spread(parents, scores) {
    const { labels, nextLabels, size } = this;
    this.bestScores = new Float32Array(size).fill(-Infinity);
    this.isInner = new Uint8Array(size);
    // A child has a higher number than its parent.
    for (let node = size - 1; node > ROOT; node--) {
      let own = -Infinity;
      for (let label = labels[node]; label >= 0; label = nextLabels[label]) {
        // flashlight-text adds the scores of words with one spelling, as natural logarithms, in its mode MAX too.
        own = Math.fround(logAdd(own, scores[label]));
      }
      this.bestScores[node] = Math.max(this.bestScores[node], own);
      this.bestScores[parents[node]] = Math.max(this.bestScores[parents[node]], this.bestScores[node]);
      this.isInner[parents[node]] = 1;
    }
    this.bestScores[ROOT] = 0;
  }
}

/**
 * Logarithm of the sum of two numbers whose logarithms are given.
 * @param {number} left
 * @param {number} right
 */
export function logAdd(left, right) {
  if (left === right) return left + Math.LN2;
  return left > right ? left + Math.log1p(Math.exp(right - left)) : right + Math.log1p(Math.exp(left - right));
}

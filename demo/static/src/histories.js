// Sequences of words of one search, each with a number, and the n-gram's scores of the next word.

export class Histories {
  /** Number and score of each sequence with one more word. @type {Map<number, number>} */
  #known = new Map();
  /** @type {import("./n_gram.js").State[]} */
  #states;
  /** @type {number[]} */
  #scores = [0];

  /**
   * @param {import("./n_gram.js").NGram} nGram
   * @param {Int32Array} wordNumbers Number in the n-gram of every word of the lexicon.
   */
  constructor(nGram, wordNumbers) {
    this.nGram = nGram;
    this.wordNumbers = wordNumbers;
    this.#states = [nGram.start]; // the empty sequence has the number 0
  }

  /**
   * @param {number} history
   * @param {number} label A word of the lexicon.
   * @returns {number} Number of the sequence with one more word.
   */
  after(history, label) {
    const key = history * this.wordNumbers.length + label;
    let number = this.#known.get(key);
    if (number === undefined) {
      const state = { words: [], backoffs: [] };
      number = this.#states.length;
      this.#scores.push(this.nGram.score(this.#states[history], this.wordNumbers[label], state));
      this.#states.push(state);
      this.#known.set(key, number);
    }
    return number;
  }

  /**
   * @param {number} history
   * @returns {number} Base-10 logarithm of the probability of its last word.
   */
  score(history) {
    return this.#scores[history];
  }

  /**
   * @param {number} history
   * @returns {number} The same of the end of the sentence after it.
   */
  finish(history) {
    return this.nGram.score(this.#states[history], this.nGram.end, { words: [], backoffs: [] });
  }
}

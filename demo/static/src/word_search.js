// Beam search over the words of a lexicon: the search of flashlight's lexicon decoder, as `ArraySearch` of
// hf_bigru_asr/model/array_search_bigru_ctc.py, which finds the same hypotheses with the same scores.

import { Histories } from "./histories.js";
import { logAdd, NONE, ROOT } from "./spelling_tree.js";

/**
 * @typedef {object} SearchSettings
 * @property {number} lm_weight Factor of the n-gram's logarithms.
 * @property {number} word_score Added for every word.
 * @property {number} beam_size Hypotheses that are kept at every frame.
 * @property {number | null} beam_size_token Best classes of a frame that extend a hypothesis; all if `null`.
 * @property {number} beam_threshold Hypotheses so far below the best one, in nats, are dropped.
 * @property {boolean} log_add Whether the score of a hypothesis sums the probabilities of its paths.
 */

/**
 * @typedef {object} Path A path that the search found.
 * @property {number[]} labels Its words.
 * @property {number} score Logarithm of its weight.
 * @property {Uint8Array} classes Class of every frame.
 */

/** Hypotheses at one frame, as arrays that grow. */
class Beam {
  size = 0;

  /** @param {number} capacity */
  constructor(capacity) {
    this.scores = new Float64Array(capacity);
    this.histories = new Int32Array(capacity);
    this.nodes = new Int32Array(capacity);
    this.classes = new Uint8Array(capacity);
    this.parents = new Int32Array(capacity);
    this.labels = new Int32Array(capacity);
  }

  /**
   * @param {number} score Logarithm of its weight.
   * @param {number} history Its complete words.
   * @param {number} node Where it is in the tree.
   * @param {number} ofClass Class of the frame.
   * @param {number} parent Hypothesis at the frame before.
   * @param {number} label Word that the frame completes.
   */
  push(score, history, node, ofClass, parent, label) {
    if (this.size === this.scores.length) this.#grow();
    this.scores[this.size] = score;
    this.histories[this.size] = history;
    this.nodes[this.size] = node;
    this.classes[this.size] = ofClass;
    this.parents[this.size] = parent;
    this.labels[this.size++] = label;
  }

  #grow() {
    const longer = new Beam(2 * this.size);
    longer.scores.set(this.scores);
    longer.histories.set(this.histories);
    longer.nodes.set(this.nodes);
    longer.classes.set(this.classes);
    longer.parents.set(this.parents);
    longer.labels.set(this.labels);
    Object.assign(this, { ...longer, size: this.size });
  }

  /** What is kept of it until the end. */
  traced() {
    const { size } = this;
    return {
      classes: this.classes.slice(0, size),
      parents: this.parents.slice(0, size),
      labels: this.labels.slice(0, size),
    };
  }
}

export class WordSearch {
  #best = -Infinity;
  #candidates = new Beam(4096);

  /**
   * @param {import("./spelling_tree.js").SpellingTree} tree
   * @param {import("./n_gram.js").NGram} nGram
   * @param {Int32Array} wordNumbers Number in the n-gram of every word of the lexicon.
   * @param {import("./settings.js").Settings} classes What the classes are.
   * @param {SearchSettings} settings
   */
  constructor(tree, nGram, wordNumbers, classes, settings) {
    this.tree = tree;
    this.nGram = nGram;
    this.wordNumbers = wordNumbers;
    this.classes = classes;
    this.settings = settings;
  }

  /**
   * The best paths.
   * @param {Float32Array} scores `(frames, classes)`
   * @param {number} numFound Paths at most.
   * @returns {Path[]} The best one first.
   */
  find(scores, numFound) {
    const { numClasses } = this.tree;
    const histories = new Histories(this.nGram, this.wordNumbers);
    let beam = new Beam(1);
    beam.push(0, 0, ROOT, this.classes.space, NONE, NONE);
    const trail = [beam.traced()];
    for (let start = 0; start < scores.length; start += numClasses) {
      const row = scores.subarray(start, start + numClasses);
      this.#extend(beam, row, histories);
      beam = this.#merged();
      trail.push(beam.traced());
    }
    this.#finish(beam, histories);
    const last = this.#merged();
    trail.push(last.traced());
    return pathsOf(last, trail, numFound);
  }

  /**
   * Collect the hypotheses for the next frame. They stay where they are, go on in the tree, or complete a word.
   * @param {Beam} beam
   * @param {Float32Array} row Scores of the classes.
   * @param {Histories} histories
   */
  #extend(beam, row, histories) {
    const { blank, space } = this.classes;
    this.#candidates.size = 0;
    this.#best = -Infinity;
    const further = bestOf(row, this.settings.beam_size_token ?? row.length);
    for (let each = 0; each < beam.size; each++) {
      const [score, node, before] = [beam.scores[each], beam.nodes[each], beam.classes[each]];
      const isRoot = node === ROOT;
      this.#add(score + row[blank], beam.histories[each], node, blank, each, NONE);
      if (isRoot || before !== blank) {
        const same = isRoot ? space : before;
        this.#add(score + row[same], beam.histories[each], node, same, each, NONE);
      }
      this.#goOn(beam, each, row, further, histories);
    }
  }

  /**
   * Collect what one hypothesis becomes in the tree.
   * @param {Beam} beam
   * @param {number} each
   * @param {Float32Array} row
   * @param {number[]} further Classes.
   * @param {Histories} histories
   */
  #goOn(beam, each, row, further, histories) {
    const { children, bestScores, isInner, labels, nextLabels, numClasses } = this.tree;
    const { lm_weight: lmWeight, word_score: wordScore, beam_threshold: threshold } = this.settings;
    const [node, history] = [beam.nodes[each], beam.histories[each]];
    const before = bestScores[node];
    for (const next of further) {
      const child = children[node * numClasses + next];
      if (child < 0) continue;
      const isOther = next !== beam.classes[each];
      const score = beam.scores[each] + row[next];
      if (isOther && isInner[child]) {
        this.#add(score + lmWeight * Math.fround(bestScores[child] - before), history, child, next, each, NONE);
      }
      // A letter that is a word: on the next frame it is not the word again.
      if (!isOther && node === ROOT) continue;
      for (let label = labels[child]; label >= 0; label = nextLabels[label]) {
        // No word has a probability above 1, so most need not be looked up.
        if (score - lmWeight * before + wordScore < this.#best - threshold) continue;
        const longer = histories.after(history, label);
        const gain = lmWeight * Math.fround(histories.score(longer) - before);
        this.#add(score + gain + wordScore, longer, ROOT, next, each, label);
      }
    }
  }

  /**
   * @param {number} score
   * @param {number} history
   * @param {number} node
   * @param {number} ofClass
   * @param {number} parent
   * @param {number} label
   */
  #add(score, history, node, ofClass, parent, label) {
    if (score < this.#best - this.settings.beam_threshold) return;
    if (score > this.#best) this.#best = score;
    this.#candidates.push(score, history, node, ofClass, parent, label);
  }

  /**
   * Collect complete hypotheses; if no word is complete at the end, all.
   * @param {Beam} beam
   * @param {Histories} histories
   */
  #finish(beam, histories) {
    this.#candidates.size = 0;
    this.#best = -Infinity;
    const isComplete = beam.nodes.subarray(0, beam.size).includes(ROOT);
    for (let each = 0; each < beam.size; each++) {
      if (isComplete && beam.nodes[each] !== ROOT) continue;
      const score = beam.scores[each] + this.settings.lm_weight * histories.finish(beam.histories[each]);
      this.#add(score, beam.histories[each], beam.nodes[each], this.classes.space, each, NONE);
    }
  }

  /**
   * The best of the candidates. Of those at one place with one history the best stays, with the weight of all.
   * @returns {Beam} The best one first.
   */
  #merged() {
    const found = this.#candidates;
    const least = this.#best - this.settings.beam_threshold;
    const inOrder = orderOf(found.scores, found.size, least);
    /** @type {Map<number, number>} */
    const heads = new Map();
    const totals = found.scores.slice(0, found.size);
    for (const each of inOrder) {
      const place = found.histories[each] * this.tree.size + found.nodes[each];
      const key = place * this.tree.numClasses + found.classes[each];
      const head = heads.get(key);
      if (head === undefined) heads.set(key, each);
      else if (this.settings.log_add) totals[head] = logAdd(totals[head], found.scores[each]);
    }
    const kept = [...heads.values()].sort((left, right) => totals[right] - totals[left]);
    const beam = new Beam(Math.min(kept.length, this.settings.beam_size));
    for (const each of kept.slice(0, this.settings.beam_size)) {
      const [history, node, ofClass] = [found.histories[each], found.nodes[each], found.classes[each]];
      beam.push(totals[each], history, node, ofClass, found.parents[each], found.labels[each]);
    }
    return beam;
  }
}

/**
 * Places of the numbers that are at least `least`, the largest first.
 * @param {Float64Array} scores
 * @param {number} size
 * @param {number} least
 */
function orderOf(scores, size, least) {
  const places = [];
  for (let each = 0; each < size; each++) if (scores[each] >= least) places.push(each);
  return places.sort((left, right) => scores[right] - scores[left]);
}

/**
 * The best classes of a frame.
 * @param {Float32Array} row
 * @param {number} count
 * @returns {number[]}
 */
function bestOf(row, count) {
  return [...row.keys()].sort((left, right) => row[right] - row[left]).slice(0, count);
}

/**
 * @param {Beam} last
 * @param {ReturnType<Beam["traced"]>[]} trail
 * @param {number} numFound
 * @returns {Path[]}
 */
function pathsOf(last, trail, numFound) {
  return Array.from({ length: Math.min(numFound, last.size) }, (_, number) => {
    const classes = new Uint8Array(trail.length);
    const labels = [];
    for (let frame = trail.length - 1, place = number; frame >= 0; frame--) {
      classes[frame] = trail[frame].classes[place];
      if (trail[frame].labels[place] >= 0) labels.push(trail[frame].labels[place]);
      place = trail[frame].parents[place];
    }
    return { labels: labels.reverse(), score: last.scores[number], classes };
  });
}

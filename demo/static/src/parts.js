// The parts of a recording that a beam search decodes, each on its own: hf_bigru_asr/runtime/parts.py.

import { bestClasses } from "./greedy.js";
import { wordBoundary } from "./words.js";

/** @typedef {{start: number, logProbs: Float32Array}} Part First frame, and the frames of a part. */

export const MAX_PART_S = 60;

/**
 * Cuts a recording in its pauses. A part ends in the middle of every long pause. What is still too long is cut in the
 * second half of the longest part that is allowed, in the middle of the longest run of blanks and spaces.
 */
export class Cutter {
  /** Frames that are in no part yet. */
  #waiting = new Float32Array(0);
  #start = 0;
  #numFrames = 0;
  /** Last frame with a letter; -1 before the first one. */
  #lastLetter = -1;
  /** Middles of the pauses that have ended. @type {number[]} */
  #pauses = [];

  /**
   * @param {import("./settings.js").Settings} settings
   * @param {number} maxFrames Frames of the longest part.
   */
  constructor(settings, maxFrames) {
    this.settings = settings;
    this.maxFrames = maxFrames;
  }

  /**
   * Take in the next frames.
   * @param {Float32Array} logProbs
   */
  add(logProbs) {
    const { characters, blank, space, pauseFrames } = this.settings;
    for (const [place, best] of bestClasses(logProbs, characters.length).entries()) {
      if (best === blank || best === space) continue;
      const frame = this.#numFrames + place;
      const middle = this.#lastLetter < 0 ? null : wordBoundary(pauseFrames, this.#lastLetter + 1, frame);
      if (middle !== null) this.#pauses.push(middle);
      this.#lastLetter = frame;
    }
    const longer = new Float32Array(this.#waiting.length + logProbs.length);
    longer.set(this.#waiting);
    longer.set(logProbs, this.#waiting.length);
    this.#waiting = longer;
    this.#numFrames += logProbs.length / characters.length;
  }

  /**
   * The parts whose ends are sure.
   * @param {boolean} isEnd Whether no frames follow, so that all are.
   * @yields {Part}
   */
  *parts(isEnd) {
    while (this.#start < this.#numFrames) {
      const stop = this.#pauses[0] ?? (isEnd ? this.#numFrames : null);
      if ((stop ?? this.#leastStop()) - this.#start > this.maxFrames) {
        yield this.#taken(this.#start + this.#cut());
      } else if (stop === null) {
        return;
      } else {
        this.#pauses.shift();
        yield this.#taken(stop);
      }
    }
  }

  /** The first frame in which the next pause can have its middle, or the recording can end. */
  #leastStop() {
    if (!Number.isFinite(this.settings.pauseFrames) || this.#lastLetter < 0) return this.#numFrames;
    return Math.floor((this.#lastLetter + 1 + this.#numFrames) / 2);
  }

  /** Where the waiting frames are cut, which are more than `maxFrames`. */
  #cut() {
    const { characters, blank, space } = this.settings;
    const first = Math.ceil(this.maxFrames / 2);
    const frames = this.#waiting.subarray(first * characters.length, (this.maxFrames + 1) * characters.length);
    const best = bestClasses(frames, characters.length);
    let chosen = { hasSpace: false, count: 0, end: 0 };
    for (let begin = 0, end = 0; begin < best.length; begin = end) {
      const isQuiet = best[begin] === blank || best[begin] === space;
      for (end = begin; end < best.length && (best[end] === blank || best[end] === space) === isQuiet; ) end++;
      const run = { hasSpace: best.subarray(begin, end).includes(space), count: end - begin, end };
      if (isQuiet && isBetter(run, chosen)) chosen = run;
    }
    if (chosen.count > 0) return first + chosen.end - Math.floor((chosen.count + 1) / 2);
    const quiet = Array.from(best, (_, frame) =>
      Math.max(frames[frame * characters.length + blank], frames[frame * characters.length + space]),
    );
    return first + quiet.indexOf(Math.max(...quiet));
  }

  /**
   * @param {number} stop
   * @returns {Part}
   */
  #taken(stop) {
    const size = (stop - this.#start) * this.settings.characters.length;
    const part = { start: this.#start, logProbs: this.#waiting.slice(0, size) };
    this.#waiting = this.#waiting.slice(size);
    this.#start = stop;
    return part;
  }
}

/**
 * @typedef {{hasSpace: boolean, count: number, end: number}} Run
 * @param {Run} run
 * @param {Run} other
 */
function isBetter(run, other) {
  if (run.hasSpace !== other.hasSpace) return run.hasSpace;
  return run.count !== other.count ? run.count > other.count : run.end > other.end;
}

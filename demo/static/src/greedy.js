// Greedy CTC decoding, as `GreedyDecoder` of hf_bigru_asr/model/decoding_bigru_ctc.py.

import { wordBoundary } from "./words.js";

/**
 * Best class of every frame.
 * @param {Float32Array} logProbs Frames after one another, each with a score for every class.
 * @param {number} numClasses
 * @returns {Uint8Array} `(frames,)`; the first class of several that are equally good.
 */
export function bestClasses(logProbs, numClasses) {
  const best = new Uint8Array(logProbs.length / numClasses);
  for (let frame = 0; frame < best.length; frame++) {
    const row = frame * numClasses;
    let highest = 0;
    for (let each = 1; each < numClasses; each++) {
      if (logProbs[row + each] > logProbs[row + highest]) highest = each;
    }
    best[frame] = highest;
  }
  return best;
}

/**
 * Characters of the best classes: repeats are collapsed, then blanks removed. A long pause between letters is a space.
 * @param {Float32Array} logProbs `(frames, classes)` log-probabilities.
 * @param {import("./settings.js").Settings} settings
 * @returns {import("./words.js").Span[]} Characters and spaces with their frames.
 */
export function greedySpans(logProbs, { characters, pauseFrames }) {
  const best = bestClasses(logProbs, characters.length);
  const spans = [];
  let before = " ";
  let last = 0;
  for (let start = 0, end = 0; start < best.length; start = end) {
    let highest = -Infinity;
    for (end = start; end < best.length && best[end] === best[start]; end++) {
      highest = Math.max(highest, logProbs[end * characters.length + best[start]]);
    }
    const char = characters[best[start]];
    if (char === "") continue;
    const middle = before === " " || char === " " ? null : wordBoundary(pauseFrames, last, start);
    if (middle !== null) spans.push({ char: " ", start: middle, end: middle + 1, score: 1, relative: 1 });
    spans.push({ char, start, end, score: Math.exp(highest), relative: 1 });
    before = char;
    last = end;
  }
  return spans;
}

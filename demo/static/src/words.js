// Words with times and confidences, from characters with the frames that mark them. The rules are those of
// hf_bigru_asr/model/decoding_bigru_ctc.py and ctc_output_bigru_ctc.py.

import { wordFeatures } from "./confidence.js";

/**
 * @typedef {object} Span A character and its frames.
 * @property {string} char The character; a space between words.
 * @property {number} start The first frame.
 * @property {number} end The frame after the last one.
 * @property {number} score Highest probability that the network gives it there.
 * @property {number} relative Its score over the probability of the best class of that frame.
 */

/**
 * @typedef {object} Word
 * @property {string} text Its spelling.
 * @property {number} startS Where it is spoken from, in seconds.
 * @property {number} endS Where it ends.
 * @property {number} confidence Probability that it is right.
 */

/** A longer gap between two letters of a word, in seconds, is a pause, and the letters before it came early. */
const MAX_LETTER_GAP_S = 0.35;

/**
 * Group characters into words.
 * @param {Span[]} spans Characters and spaces, as the network emits them.
 * @param {number} frameS Seconds per frame.
 * @param {import("./confidence.js").Confidence} confidence Gives the confidence of a word.
 * @param {number[]} [posteriors] Posterior of each group of letters in a beam search; 1 without one.
 * @returns {Word[]} The words that have a letter.
 */
export function wordsOf(spans, frameS, confidence, posteriors) {
  const groups = groupsOf(spans);
  const words = [];
  let number = 0;
  for (const [place, group] of groups.entries()) {
    if (group[0].char === " ") continue;
    const posterior = posteriors ? posteriors[number++] : 1;
    const text = group.map((span) => span.char).join("");
    if (text.replaceAll("'", "") === "") continue;
    const edges = [...(groups[place - 1] ?? []), ...(groups[place + 1] ?? [])];
    const [start, end] = spokenPart(group, MAX_LETTER_GAP_S / frameS);
    words.push({
      text,
      startS: start * frameS,
      endS: end * frameS,
      confidence: confidence(wordFeatures(group, edges, posterior)),
    });
  }
  return words;
}

/**
 * Runs of letters and runs of spaces.
 * @param {Span[]} spans
 * @returns {Span[][]}
 */
function groupsOf(spans) {
  /** @type {Span[][]} */
  const groups = [];
  for (const span of spans) {
    const last = groups.at(-1);
    if (last && (last[0].char === " ") === (span.char === " ")) last.push(span);
    else groups.push([span]);
  }
  return groups;
}

/**
 * Frames of the longest part of a word without a gap; of equally long ones of the last.
 *
 * A network often marks the first letter of a word early, at the beginning of the pause before it.
 * @param {Span[]} letters
 * @param {number} maxGap In frames.
 * @returns {[number, number]}
 */
function spokenPart(letters, maxGap) {
  let longest = [letters[0]];
  let part = [letters[0]];
  for (const [index, letter] of letters.slice(1).entries()) {
    if (letter.start - letters[index].end > maxGap) part = [];
    part.push(letter);
    if (part.length >= longest.length) longest = part;
  }
  return [longest[0].start, longest[longest.length - 1].end];
}

/**
 * Frame of the word boundary between two letters, if there is a pause between them.
 * @param {number} pauseFrames Frames that make a pause.
 * @param {number} end First frame after the one letter.
 * @param {number} start First frame of the next letter.
 * @returns {number | null} The middle frame of the pause; `null` without a pause.
 */
export function wordBoundary(pauseFrames, end, start) {
  return start - end < pauseFrames ? null : Math.floor((end + start) / 2);
}

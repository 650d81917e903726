// The exported graph that takes samples, in windows where a recording is long.

/** Recordings up to this length go through the network in one pass, as in the package. It takes 1 MB a second. */
const WINDOW_S = 300;
/**
 * What is left out on both sides of a window that others follow. The network remembers up to 50 s; its features depend
 * on 15 s around a frame, and a little on the whole.
 */
const MARGIN_S = 60;

/**
 * @typedef {object} Window Frames of one pass.
 * @property {number} start First frame of the samples.
 * @property {number} end Frame after the last one.
 * @property {number} keptStart First frame that is kept.
 * @property {number} keptEnd Frame after the last one that is kept.
 */

/**
 * Windows that cover a recording. Every frame is kept once, far from the edges of its window.
 * @param {number} numFrames Frames of the recording.
 * @param {number} frameS Seconds per frame.
 * @returns {Window[]}
 */
export function windowsOf(numFrames, frameS) {
  const size = Math.floor(WINDOW_S / frameS);
  const margin = Math.ceil(MARGIN_S / frameS);
  /** @type {Window[]} */
  const windows = [];
  let keptStart = 0;
  for (let start = 0; ; start += size - 2 * margin) {
    const isLast = start + size >= numFrames;
    const end = isLast ? numFrames : start + size;
    windows.push({ start, end, keptStart, keptEnd: isLast ? numFrames : end - margin });
    if (isLast) return windows;
    keptStart = end - margin;
  }
}

/**
 * Log-probabilities of a recording, window by window.
 * @param {(samples: Float32Array) => Promise<Float32Array>} run Gives `(frames, classes)` for samples.
 * @param {Float32Array} samples The recording.
 * @param {import("./settings.js").Settings} settings
 * @yields {{logProbs: Float32Array, fraction: number}} The next frames, and how much of the recording is done.
 */
export async function* logProbsOf(run, samples, { characters, frameSamples, frameS }) {
  const numFrames = Math.max(Math.ceil(samples.length / frameSamples), 1);
  for (const { start, end, keptStart, keptEnd } of windowsOf(numFrames, frameS)) {
    const found = await run(samples.subarray(start * frameSamples, end * frameSamples));
    const kept = found.subarray((keptStart - start) * characters.length, (keptEnd - start) * characters.length);
    yield { logProbs: kept, fraction: keptEnd / numFrames };
  }
}

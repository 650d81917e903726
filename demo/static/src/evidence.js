// Letters that the network hardly prefers to the blank are no speech, and a language model must make no words of them:
// hf_bigru_asr/model/speech_evidence_bigru_ctc.py.

import { bestClasses } from "./greedy.js";

/** Letters further apart belong to different groups. */
const GROUP_PAUSE_S = 1;
/** Added to the duration of a group, so that a single letter has little evidence; and kept on its both sides. */
const MARGIN_S = 0.5;
const IMPOSSIBLE = -1e4;

/**
 * Log-probabilities with nothing but blanks around groups of letters that are speech.
 * @param {Float32Array} logProbs `(frames, classes)`
 * @param {import("./settings.js").Settings} settings
 * @param {number} minEvidence Lowest evidence of speech in nats per second; 0 keeps everything.
 * @returns {Float32Array} `logProbs` itself if nothing is taken out.
 */
export function withoutWeakLetters(logProbs, settings, minEvidence) {
  if (minEvidence <= 0) return logProbs;
  const { characters, blank, frameS } = settings;
  const numClasses = characters.length;
  const margin = Math.round(MARGIN_S / frameS);
  const keeps = new Uint8Array(logProbs.length / numClasses);
  for (const { first, last, evidence } of groupsOf(logProbs, settings)) {
    if (evidence < minEvidence * ((last + 1 - first) * frameS + MARGIN_S)) continue;
    keeps.fill(1, Math.max(first - margin, 0), last + 1 + margin);
  }
  if (!keeps.includes(0)) return logProbs;
  const kept = logProbs.slice();
  for (const [frame, isKept] of keeps.entries()) {
    if (isKept) continue;
    kept.fill(IMPOSSIBLE, frame * numClasses, (frame + 1) * numClasses);
    kept[frame * numClasses + blank] = 0;
  }
  return kept;
}

/**
 * @param {Float32Array} logProbs
 * @param {import("./settings.js").Settings} settings
 */
function groupsOf(logProbs, { characters, blank, space, frameS }) {
  /** @type {{first: number, last: number, evidence: number}[]} */
  const groups = [];
  for (const [frame, best] of bestClasses(logProbs, characters.length).entries()) {
    if (best === blank || best === space) continue;
    const row = frame * characters.length;
    const gain = logProbs[row + best] - logProbs[row + blank];
    const group = groups[groups.length - 1];
    if (group && (frame - group.last) * frameS <= GROUP_PAUSE_S) {
      group.last = frame;
      group.evidence += gain;
    } else {
      groups.push({ first: frame, last: frame, evidence: gain });
    }
  }
  return groups;
}

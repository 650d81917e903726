// How sure each word is among all paths that a search finds: hf_bigru_asr/model/found_path_bigru_ctc.py.

/**
 * @typedef {object} FoundWord
 * @property {string} text Its letters.
 * @property {number} first First frame.
 * @property {number} last Frame in which the last letter begins.
 */

/**
 * Words between delimiters on a path.
 * @param {Uint8Array} classes Class of every frame.
 * @param {import("./settings.js").Settings} settings
 * @returns {FoundWord[]}
 */
function wordsOn(classes, { characters, blank, space }) {
  /** @type {FoundWord[]} */
  const words = [];
  let isInside = false;
  for (const [frame, each] of classes.entries()) {
    if (each === blank || each === classes[frame - 1]) continue;
    if (each === space) {
      isInside = false;
      continue;
    }
    if (!isInside) words.push({ text: "", first: frame, last: frame });
    isInside = true;
    const word = words[words.length - 1];
    word.text += characters[each];
    word.last = frame;
  }
  return words;
}

/**
 * Posterior of each word of the first path: total weight of the paths that have it at an overlapping time.
 * @param {import("./word_search.js").Path[]} paths
 * @param {import("./settings.js").Settings} settings
 * @returns {number[]}
 */
export function posteriorsOf(paths, settings) {
  const weights = paths.map(({ score }) => Math.exp(score - paths[0].score));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const found = paths.map(({ classes }) => {
    /** @type {Map<string, FoundWord[]>} */
    const places = new Map();
    for (const word of wordsOn(classes, settings)) places.set(word.text, [...(places.get(word.text) ?? []), word]);
    return places;
  });
  return wordsOn(paths[0].classes, settings).map(({ text, first, last }) => {
    const isThere = (/** @type {FoundWord} */ other) => last >= other.first && first <= other.last;
    const sum = found.reduce(
      (before, places, each) => before + (places.get(text)?.some(isThere) ? weights[each] : 0),
      0,
    );
    return sum / total;
  });
}

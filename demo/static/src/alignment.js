// When each character of a known text is spoken: hf_bigru_asr/model/ctc_alignment_bigru_ctc.py.

/**
 * Times of the characters of a text on the most probable path that spells it.
 * @param {Float32Array} logProbs `(frames, classes)`
 * @param {string} text With spaces between words.
 * @param {import("./settings.js").Settings} settings
 * @returns {import("./words.js").Span[]} A span for every character.
 */
export function alignedSpans(logProbs, text, { characters, blank }) {
  const numClasses = characters.length;
  const ids = Uint8Array.from(text, (char) => characters.indexOf(char));
  const path = bestPath(logProbs, ids, numClasses, blank);
  const spans = [];
  for (let start = 0, end = 0; start < path.length; start = end) {
    for (end = start; end < path.length && path[end] === path[start]; ) end++;
    if (path[start] === blank) continue;
    let frame = start;
    for (let each = start; each < end; each++) {
      if (logProbs[each * numClasses + path[start]] > logProbs[frame * numClasses + path[start]]) frame = each;
    }
    const row = logProbs.subarray(frame * numClasses, (frame + 1) * numClasses);
    const score = Math.exp(row[path[start]]);
    spans.push({ char: characters[path[start]], start, end, score, relative: score / Math.exp(Math.max(...row)) });
  }
  return spans;
}

/**
 * Class of every frame on the most probable path that CTC collapses to `ids`.
 *
 * State `2 * i` is the blank before label `i`, `2 * i + 1` is label `i`.
 * @param {Float32Array} logProbs
 * @param {Uint8Array} ids
 * @param {number} numClasses
 * @param {number} blank
 * @returns {Uint8Array}
 */
function bestPath(logProbs, ids, numClasses, blank) {
  const numFrames = logProbs.length / numClasses;
  const numStates = 2 * ids.length + 1;
  const classes = new Uint8Array(numStates).fill(blank);
  for (const [place, id] of ids.entries()) classes[2 * place + 1] = id;
  const moves = new Uint8Array(numFrames * numStates);
  let scores = new Float32Array(numStates).fill(-Infinity);
  let next = new Float32Array(numStates);
  scores[0] = logProbs[classes[0]];
  scores[1] = logProbs[classes[1]];
  for (let frame = 1; frame < numFrames; frame++) {
    const row = frame * numClasses;
    for (let state = 0; state < numStates; state++) {
      let [best, move] = [scores[state], 0];
      if (state > 0 && scores[state - 1] > best) [best, move] = [scores[state - 1], 1];
      const canSkip = state > 2 && state % 2 === 1 && classes[state] !== classes[state - 2];
      if (canSkip && scores[state - 2] > best) [best, move] = [scores[state - 2], 2];
      next[state] = best + logProbs[row + classes[state]];
      moves[frame * numStates + state] = move;
    }
    [scores, next] = [next, scores];
  }
  const path = new Uint8Array(numFrames);
  let state = scores[numStates - 1] > scores[numStates - 2] ? numStates - 1 : numStates - 2;
  for (let frame = numFrames - 1; frame >= 0; frame--) {
    path[frame] = classes[state];
    state -= moves[frame * numStates + state];
  }
  return path;
}

// The transcript as files.

/** A longer pause, in seconds, or more characters begin a new subtitle. */
const MAX_PAUSE_S = 1;
const MAX_CHARACTERS = 42;

/** @typedef {import("./words.js").Word} Word */

/** @param {Word[]} words */
export function textOf(words) {
  return words.map((word) => word.text).join(" ");
}

/**
 * Words as they stand together on a screen.
 * @param {Word[]} words
 * @param {number} maxCharacters
 * @returns {Word[][]}
 */
export function cuesOf(words, maxCharacters) {
  /** @type {Word[][]} */
  const cues = [];
  for (const word of words) {
    const cue = cues.at(-1);
    const pauseS = cue ? word.startS - cue[cue.length - 1].endS : Infinity;
    if (cue && pauseS <= MAX_PAUSE_S && textOf([...cue, word]).length <= maxCharacters) cue.push(word);
    else cues.push([word]);
  }
  return cues;
}

/**
 * @param {Word[]} words
 * @returns {string} SubRip.
 */
export function subtitlesOf(words) {
  const cues = cuesOf(words, MAX_CHARACTERS);
  return cues
    .map((cue, place) => {
      const times = `${stamp(cue[0].startS)} --> ${stamp(cue[cue.length - 1].endS)}`;
      return `${place + 1}\n${times}\n${textOf(cue)}\n`;
    })
    .join("\n");
}

/** @param {number} seconds */
function stamp(seconds) {
  return new Date(Math.round(seconds * 1000)).toISOString().slice(11, 23).replace(".", ",");
}

/**
 * Let the browser save a text.
 * @param {string} name
 * @param {string} text
 */
export function saveAs(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

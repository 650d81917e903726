// What the page says of a recording.

/** Largest sample, at full scale 1, of a recording that is called silent: -60 dB. */
const SILENT_PEAK = 1e-3;
/** Below this mean the words are probably none. */
const LEAST_MEAN_CONFIDENCE = 0.35;

/**
 * @param {number} seconds
 * @returns {string} `1:05`, or `1:00:05` after an hour.
 */
export function clock(seconds) {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/**
 * What there is to say about a result: how long it took, and whether it was speech.
 * @param {import("./words.js").Word[]} words
 * @param {{durationS: number, peak: number, takenS: number}} facts
 * @returns {["done" | "note", string]} Kind and text.
 */
export function noticeOf(words, { durationS, peak, takenS }) {
  const times = `${durationS.toFixed(1)} s of sound, recognised in ${takenS.toFixed(1)} s`;
  if (words.length === 0 && peak < SILENT_PEAK) {
    return ["note", `This recording is silent (${times}): check the microphone, or whether it is muted.`];
  }
  if (words.length === 0) {
    return ["note", `No speech was found (${times}). Music, noise and other languages than English have none.`];
  }
  const mean = words.reduce((sum, word) => sum + word.confidence, 0) / words.length;
  if (mean < LEAST_MEAN_CONFIDENCE) {
    return ["note", `Hardly any word is sure (${times}). Is this English speech? Music and noise give letters too.`];
  }
  return ["done", `${words.length} ${words.length === 1 ? "word" : "words"}; ${times}.`];
}

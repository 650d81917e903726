// The page: what its controls do, and what it says.

import { Microphone } from "./microphone.js";
import { RecognizerClient } from "./recognizer_client.js";
import { saveAs, subtitlesOf, textOf } from "./saving.js";
import { decodeSound, peakOf, RATE_HZ, wavOf } from "./sound.js";
import { clock, noticeOf } from "./texts.js";
import { Transcript } from "./transcript.js";

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} #${id}.`);
  return found;
}

const file = element("file", HTMLInputElement);
const record = element("record", HTMLButtonElement);
const search = element("search", HTMLInputElement);
const stop = element("stop", HTMLButtonElement);
const status = element("status", HTMLElement);
const progress = element("progress", HTMLElement);
const level = element("level", HTMLMeterElement);
const result = element("result", HTMLElement);
const player = element("player", HTMLAudioElement);
const examples = /** @type {HTMLButtonElement[]} */ ([...document.querySelectorAll(".example")]);
const transcript = new Transcript(element("words", HTMLElement), player);
const client = new RecognizerClient();
const microphone = new Microphone((loudness) => {
  level.value = loudness;
});

/** @type {{name: string, words: import("./words.js").Word[]}} */
let shown = { name: "", words: [] };
/** Ends what is going on. @type {AbortController | null} */
let running = null;

/**
 * @param {"done" | "note" | "error" | "busy"} kind
 * @param {string} text
 */
function say(kind, text) {
  const paragraph = document.createElement("p");
  paragraph.className = `message ${kind}`;
  paragraph.textContent = text;
  status.replaceChildren(paragraph);
}

/** @param {number | null} [fraction] `null` where nobody knows; the bar is hidden without one. */
function showProgress(fraction) {
  progress.hidden = fraction === undefined;
  const bar = /** @type {HTMLProgressElement} */ (progress.firstElementChild);
  if (typeof fraction === "number") bar.value = Math.round(100 * fraction);
  else bar.removeAttribute("value");
}

/**
 * @param {boolean} isReady Whether something can be started.
 * @param {boolean} canStop Whether what is going on can be stopped.
 */
function setControls(isReady, canStop) {
  for (const control of [file, ...examples]) control.disabled = !isReady;
  search.disabled = !isReady || !client.hasLanguageModel;
  record.disabled = !isReady && !microphone.isRecording;
  stop.hidden = !canStop;
}

/**
 * Do something that takes a while, one at a time.
 * @param {(signal: AbortSignal) => Promise<void>} work
 */
async function busy(work) {
  const ending = new AbortController();
  running = ending;
  setControls(false, false);
  try {
    await work(ending.signal);
  } catch (error) {
    if (ending.signal.aborted) say("note", "Stopped.");
    else say("error", error instanceof Error ? error.message : String(error));
  }
  showProgress();
  setControls(client.isReady, false);
}

/**
 * Show the words of a recording, or those that are found so far.
 * @param {string} name
 * @param {import("./words.js").Word[]} words
 */
function show(name, words) {
  shown = { name: name.replace(/\.[^.]*$/, ""), words };
  transcript.show(words);
  result.hidden = words.length === 0;
}

/**
 * Transcribe a recording and show its words.
 * @param {string} name
 * @param {ArrayBuffer} bytes
 * @param {AbortSignal} signal
 */
async function transcribe(name, bytes, signal) {
  result.hidden = true;
  setControls(false, true);
  say("busy", "Reading the recording …");
  showProgress(null);
  const samples = await decodeSound(bytes);
  signal.throwIfAborted();
  const durationS = samples.length / RATE_HZ;
  const peak = peakOf(samples);
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(wavOf(samples));
  say("busy", `Recognising ${clock(durationS)} of sound …`);
  const start = performance.now();
  const words = await client.transcribe(samples, search.checked, signal, (fraction, found) => {
    showProgress(fraction);
    show(name, found);
  });
  show(name, words);
  say(...noticeOf(words, { durationS, peak, takenS: (performance.now() - start) / 1000 }));
}

/** Record until the button is pressed again. */
async function toggleRecording() {
  if (microphone.isRecording) {
    microphone.stop();
    return;
  }
  await busy(async (signal) => {
    result.hidden = true;
    say("busy", "Waiting for the microphone …");
    const { ended } = await microphone.start();
    record.textContent = "Stop recording";
    level.hidden = false;
    setControls(false, false);
    say("busy", "Recording … press Stop recording when you are done.");
    const bytes = await ended.finally(() => {
      record.textContent = "Record";
      level.hidden = true;
    });
    await transcribe("recording", bytes, signal);
  });
}

file.addEventListener("change", () => {
  const chosen = file.files?.[0];
  if (chosen) busy(async (signal) => transcribe(chosen.name, await chosen.arrayBuffer(), signal));
  file.value = ""; // so that the same file can be chosen again
});
for (const example of examples) {
  example.addEventListener("click", () =>
    busy(async (signal) => {
      const source = example.dataset.source ?? "";
      const response = await fetch(source);
      if (!response.ok) throw new Error(`${source} is not there (${response.status}); build the page again.`);
      await transcribe(source.split("/").at(-1) ?? source, await response.arrayBuffer(), signal);
    }),
  );
}
record.addEventListener("click", toggleRecording);
stop.addEventListener("click", () => running?.abort());
element("copy", HTMLElement).addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(textOf(shown.words));
    say("done", "The text is in the clipboard.");
  } catch {
    say("error", "The browser does not give the clipboard to this page. Use Save as text.");
  }
});
element("save-text", HTMLElement).addEventListener("click", () => {
  saveAs(`${shown.name}.txt`, `${textOf(shown.words)}\n`);
});
element("save-subtitles", HTMLElement).addEventListener("click", () => {
  saveAs(`${shown.name}.srt`, subtitlesOf(shown.words));
});

await busy(async () => {
  say("busy", "Loading the model …");
  showProgress(null);
  await client.load(showProgress);
  search.checked = client.hasLanguageModel;
  say("done", "Ready. Choose a recording, record one, or try an example.");
});

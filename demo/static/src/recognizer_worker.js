// The worker: loads the model, and answers with the words of recordings.

import { Recognizer } from "./recognizer.js";

/** @type {Recognizer | null} */
let recognizer = null;
/** Numbers of the recordings that nobody waits for any more. @type {Set<number>} */
const stopped = new Set();

/** @type {Promise<unknown>} */
let before = Promise.resolve();

addEventListener("message", ({ data }) => {
  if (data.kind === "stop") stopped.add(data.number);
  else before = before.then(() => answer(data));
});

/** @param {any} question */
async function answer(question) {
  const { number } = question;
  try {
    if (question.kind === "load") {
      recognizer = await Recognizer.load(new URL("../model/", import.meta.url), (fraction) => {
        postMessage({ kind: "progress", number, fraction });
      });
      postMessage({ kind: "loaded", number, hasLanguageModel: recognizer.beamSearch !== null });
      return;
    }
    if (!recognizer) throw new Error("The model is not loaded.");
    const words = [];
    for await (const part of recognizer.transcribe(question.samples, question.usesLanguageModel)) {
      words.push(...part.words);
      postMessage({ kind: "progress", number, fraction: part.fraction, words });
      // Messages are read between tasks, and not while promises wait for one another.
      await new Promise((resolve) => setTimeout(resolve));
      if (stopped.delete(number)) return;
    }
    postMessage({ kind: "words", number, words });
  } catch (error) {
    postMessage({ kind: "error", number, message: error instanceof Error ? error.message : String(error) });
  }
}

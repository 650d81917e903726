// The recogniser in a worker, so that the page stays responsive.

/** @typedef {import("./words.js").Word} Word */

export class RecognizerClient {
  isReady = false;
  hasLanguageModel = false;
  #worker = new Worker(new URL("recognizer_worker.js", import.meta.url), { type: "module" });
  #number = 0;

  /**
   * Load the model.
   * @param {(fraction: number) => void} onProgress Gets what is done.
   */
  async load(onProgress) {
    const answer = await this.#asked({ kind: "load" }, [], ({ fraction }) => onProgress(fraction));
    this.hasLanguageModel = answer.hasLanguageModel;
    this.isReady = true;
  }

  /**
   * Words of a recording.
   * @param {Float32Array} samples Are moved to the worker.
   * @param {boolean} usesLanguageModel
   * @param {AbortSignal} signal Ends it.
   * @param {(fraction: number, words: Word[]) => void} onProgress Gets what is done, and the words up to there.
   * @returns {Promise<Word[]>}
   */
  async transcribe(samples, usesLanguageModel, signal, onProgress) {
    const question = { kind: "transcribe", samples, usesLanguageModel };
    const answer = await this.#asked(
      question,
      [samples.buffer],
      ({ fraction, words }) => onProgress(fraction, words),
      signal,
    );
    return answer.words;
  }

  /**
   * @param {object} question
   * @param {Transferable[]} moved
   * @param {(answer: any) => void} onProgress
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>} The last answer.
   */
  #asked(question, moved, onProgress, signal) {
    const number = ++this.#number;
    return new Promise((resolve, reject) => {
      const ending = new AbortController();
      const end = (/** @type {() => void} */ settle) => {
        ending.abort();
        settle();
      };
      const options = { signal: ending.signal };
      this.#worker.addEventListener(
        "message",
        ({ data }) => {
          if (data.number !== number) return;
          if (data.kind === "progress") onProgress(data);
          else if (data.kind === "error") end(() => reject(new Error(data.message)));
          else end(() => resolve(data));
        },
        options,
      );
      this.#worker.addEventListener(
        "error",
        ({ message }) =>
          end(() => reject(new Error(`The recogniser did not start: ${message || "no module workers"}`))),
        options,
      );
      signal?.addEventListener(
        "abort",
        () => {
          this.#worker.postMessage({ kind: "stop", number });
          end(() => reject(signal.reason));
        },
        options,
      );
      this.#worker.postMessage({ ...question, number }, moved);
    });
  }
}

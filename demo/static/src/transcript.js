// Words as buttons: a click, Enter or the space bar plays one, arrow keys go from word to word.

import { cuesOf } from "./saving.js";
import { clock } from "./texts.js";

/** Least confidence and name of every look of a word. @type {[number, string][]} */
const LEVELS = [
  [0.8, "sure"],
  [0.5, "unsure"],
  [-Infinity, "doubtful"],
];
const PARAGRAPH_CHARACTERS = 400;
/** Played before and after a word. */
const MARGIN_S = 0.05;

export class Transcript {
  #element;
  #player;
  /** Where the word ends that is played alone. @type {number | null} */
  #endS = null;

  /**
   * @param {HTMLElement} element Gets the words.
   * @param {HTMLAudioElement} player Has the recording.
   */
  constructor(element, player) {
    this.#element = element;
    this.#player = player;
    element.addEventListener("click", (event) => {
      const word = event.target instanceof HTMLElement ? event.target.closest("button") : null;
      if (word) this.#play(word);
    });
    element.addEventListener("keydown", (event) => this.#move(event));
    player.addEventListener("timeupdate", () => this.#mark());
    player.addEventListener("pause", () => {
      this.#endS = null;
      this.#mark();
    });
  }

  /**
   * Show words in place of those before.
   * @param {import("./words.js").Word[]} words
   */
  show(words) {
    const paragraphs = cuesOf(words, PARAGRAPH_CHARACTERS).map((cue) => {
      const paragraph = document.createElement("p");
      const time = document.createElement("span");
      time.className = "time";
      time.textContent = clock(cue[0].startS);
      paragraph.append(time, ...cue.flatMap((word) => [" ", buttonOf(word)]));
      return paragraph;
    });
    this.#element.replaceChildren(...paragraphs);
    const [first] = this.#words;
    if (first) first.tabIndex = 0;
  }

  get #words() {
    return [...this.#element.querySelectorAll("button")];
  }

  /** @param {HTMLButtonElement} word */
  async #play(word) {
    this.#reach(word);
    this.#player.pause();
    this.#player.currentTime = Math.max(Number(word.dataset.start) - MARGIN_S, 0);
    await this.#player.play();
    this.#endS = Number(word.dataset.end) + MARGIN_S;
    this.#watchEnd();
  }

  #watchEnd() {
    if (this.#endS === null) return;
    // Events of the player come four times a second, and words are shorter.
    if (this.#player.currentTime >= this.#endS) this.#player.pause();
    else requestAnimationFrame(() => this.#watchEnd());
  }

  #mark() {
    const { currentTime, paused } = this.#player;
    for (const word of this.#words) {
      const isSpoken = !paused && currentTime >= Number(word.dataset.start) && currentTime < Number(word.dataset.end);
      word.classList.toggle("spoken", isSpoken);
    }
  }

  /** @param {HTMLButtonElement} word Becomes the one that Tab leads to. */
  #reach(word) {
    for (const other of this.#words) other.tabIndex = other === word ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const words = this.#words;
    const place = words.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    const places = new Map([
      ["ArrowRight", place + 1],
      ["ArrowDown", place + 1],
      ["ArrowLeft", place - 1],
      ["ArrowUp", place - 1],
      ["Home", 0],
      ["End", words.length - 1],
    ]);
    const next = places.get(event.key);
    if (place < 0 || next === undefined) return;
    event.preventDefault();
    const word = words[Math.min(Math.max(next, 0), words.length - 1)];
    this.#reach(word);
    word.focus();
  }
}

/** @param {import("./words.js").Word} word */
function buttonOf({ text, startS, endS, confidence }) {
  const [, level] = LEVELS.find(([least]) => confidence >= least) ?? LEVELS[LEVELS.length - 1];
  const percent = `${Math.round(100 * confidence)} %`;
  const button = document.createElement("button");
  button.type = "button";
  button.className = `word ${level}`;
  button.tabIndex = -1;
  button.dataset.start = startS.toFixed(3);
  button.dataset.end = endS.toFixed(3);
  button.title = percent;
  button.setAttribute("aria-label", `${text}, ${level}, ${percent}, at ${clock(startS)}`);
  button.textContent = text;
  return button;
}

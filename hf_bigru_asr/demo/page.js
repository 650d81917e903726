// The script of the words: a click, Enter or the space bar plays one; arrow keys go from word to word.
const buttons = () => [...element.querySelectorAll(".words .word")];
let endsAt = null;

function player() {
  const audio = element.querySelector("audio");
  if (audio && !audio.dataset.ready) {
    audio.dataset.ready = "1";
    audio.addEventListener("timeupdate", () => {
      const now = audio.currentTime;
      for (const word of buttons()) {
        const isSpoken = !audio.paused && now >= +word.dataset.start && now < +word.dataset.end;
        if (word.classList.contains("spoken") !== isSpoken) word.classList.toggle("spoken", isSpoken);
      }
    });
    audio.addEventListener("pause", () => {
      endsAt = null;
      for (const word of element.querySelectorAll(".spoken")) word.classList.remove("spoken");
    });
  }
  return audio;
}

function watchEnd() {
  const audio = player();
  if (endsAt === null || !audio) return;
  if (audio.currentTime >= endsAt || audio.ended) audio.pause();
  else requestAnimationFrame(watchEnd);
}

async function play(word) {
  const audio = player();
  audio.pause();
  audio.currentTime = Math.max(+word.dataset.start - 0.05, 0);
  audio.dataset.word = word.textContent;
  await audio.play();
  endsAt = +word.dataset.end + 0.05;
  requestAnimationFrame(watchEnd);
}

function makeReachable(word) {
  for (const other of element.querySelectorAll('.word[tabindex="0"]')) other.tabIndex = -1;
  if (word) word.tabIndex = 0;
}

function refreshed() {
  player();
  makeReachable(buttons()[0]);
}

element.addEventListener("click", (event) => {
  const word = event.target.closest(".words .word");
  if (!word) return;
  makeReachable(word);
  play(word);
});
element.addEventListener("keydown", (event) => {
  const all = buttons();
  const place = all.indexOf(event.target);
  if (place < 0) return;
  const places = {
    ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1,
    Home: 0, End: all.length - 1,
  };
  if (!(event.key in places)) return;
  event.preventDefault();
  const word = all[Math.min(Math.max(places[event.key], 0), all.length - 1)];
  makeReachable(word);
  word.focus();
});
watch("value", refreshed);
refreshed();

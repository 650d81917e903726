"""The page without a server in a headless Chromium, against the recogniser of the package."""

import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from browser import chromium, needs_browser, overflow
from repository import REPOSITORY
from static_page import build_page, needs_node, needs_runtime, served

from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [needs_node, needs_runtime, needs_browser, pytest.mark.xdist_group("browser")]

SAMPLES = REPOSITORY / "tests" / "data" / "samples"
EASY = SAMPLES / "easy.flac"
FRAME_S = 0.021
WAIT_MS = 120_000
RATE_HZ = 16_000
PLAYER = "document.getElementById('player')"


@dataclass
class Visit:
    """An open page, and the hosts that it asked for something."""

    page: "Page"
    hosts: set[str | None] = field(default_factory=set)

    def says(self, text: str) -> str:
        message = self.page.locator("#status").get_by_text(text)
        message.wait_for(timeout=WAIT_MS)
        return message.inner_text()

    def upload(self, name: str, content: bytes) -> None:
        self.page.locator("#file:enabled").wait_for(state="attached", timeout=WAIT_MS)
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.locator("#file").set_input_files(file)

    def waits_for(self, condition: str) -> None:
        """Wait for a condition in JavaScript. The page's policy forbids that playwright's own wait evaluates it."""
        end_s = time.monotonic() + WAIT_MS / 1000
        while not self.page.evaluate(condition):
            assert time.monotonic() < end_s, condition
            time.sleep(0.05)

    def words(self) -> list[str]:
        return self.page.locator("#words button").all_inner_texts()


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory, exported: Path) -> Iterator[Visit]:
    folder = tmp_path_factory.mktemp("static")
    samples, rate = soundfile.read(EASY)
    soundfile.write(folder / "microphone.wav", samples, rate)
    with served(build_page(exported, folder / "page")) as address, chromium(folder / "microphone.wav") as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        visit = Visit(page)
        page.on("request", lambda request: visit.hosts.add(urlsplit(request.url).hostname))
        page.goto(address)
        visit.says("Ready.")
        yield visit


@pytest.fixture(scope="module")
def expected() -> Hypothesis:
    return OnnxRecognizer(language_model="own", preset="fast", num_threads=1).recognize(EASY)[0]


@pytest.fixture
def result(visit: Visit, expected: Hypothesis) -> Visit:
    """The page with the words of an upload."""
    if visit.words() != expected.text.split():
        visit.upload("a reader.flac", EASY.read_bytes())
        visit.says("words; 6.4 s of sound")
    return visit


def wav(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE_HZ, format="WAV")
    return buffer.getvalue()


def test_an_upload_has_the_words_times_and_confidences_of_the_package(result: Visit, expected: Hypothesis) -> None:
    words = result.page.locator("#words button")
    assert " ".join(result.words()) == expected.text
    for shown, word in zip(words.all(), expected.words, strict=True):
        assert float(shown.get_attribute("data-start") or "nan") == pytest.approx(word.start_s, abs=FRAME_S)
        assert float(shown.get_attribute("data-end") or "nan") == pytest.approx(word.end_s, abs=FRAME_S)
        assert float((shown.get_attribute("title") or "").split()[0]) == pytest.approx(100 * word.confidence, abs=1.5)
    assert re.search(r"^THEREFORE, (sure|unsure|doubtful), \d+ %, at 0:0\d$", words.first.get_attribute("aria-label"))


def test_it_needs_no_isolation_from_other_origins(visit: Visit) -> None:
    assert visit.page.evaluate("crossOriginIsolated") is False


def test_without_the_language_model_it_is_the_greedy_text(visit: Visit) -> None:
    visit.page.get_by_label("Language model").uncheck()
    visit.page.get_by_role("button", name="Example: hard").click()
    visit.says("words;")
    visit.page.get_by_label("Language model").check()
    assert " ".join(visit.words()) == OnnxRecognizer(num_threads=1).transcribe(SAMPLES / "hard.flac")


def test_a_click_on_a_word_plays_it_alone(result: Visit) -> None:
    word = result.page.locator("#words button").nth(4)
    start_s, end_s = (float(word.get_attribute(name) or "nan") for name in ("data-start", "data-end"))
    result.page.evaluate(f"{PLAYER}.addEventListener('playing', () => {{ window.began = {PLAYER}.currentTime; }})")
    word.click()
    result.waits_for(f"window.began !== undefined && {PLAYER}.paused")
    assert start_s - 0.1 <= result.page.evaluate("window.began") <= end_s
    assert end_s <= result.page.evaluate(f"{PLAYER}.currentTime") <= end_s + 1  # a loaded machine draws late


def test_arrow_keys_go_from_word_to_word(result: Visit) -> None:
    words = result.page.locator("#words button")
    assert words.evaluate_all("all => all.filter(each => each.tabIndex === 0).length") == 1
    words.first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        result.page.keyboard.press(key)
    assert words.nth(1).evaluate("each => each === document.activeElement && each.tabIndex === 0")
    result.page.keyboard.press("End")
    assert words.last.evaluate("each => each === document.activeElement")


def test_subtitles_are_saved(result: Visit) -> None:
    with result.page.expect_download(timeout=WAIT_MS) as started:
        result.page.get_by_role("button", name="subtitles").click()
    assert started.value.suggested_filename == "a reader.srt"
    subtitles = Path(started.value.path()).read_text()
    assert re.match(r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\nTHEREFORE", subtitles)


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_is_wider_than_the_window(result: Visit, width: int) -> None:
    result.page.set_viewport_size({"width": width, "height": 900})
    assert overflow(result.page) == 0


def test_every_control_has_a_name(result: Visit) -> None:
    nameless = result.page.evaluate(
        "[...document.querySelectorAll('button, input, progress, meter, audio, section, [role=group]')]"
        ".filter(each => !each.innerText?.trim() && !each.ariaLabel && !each.labels?.length && !each.hidden)"
        ".map(each => each.outerHTML.slice(0, 200))"
    )
    assert [each for each in nameless if "<progress max" not in each] == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("garbage.wav", np.random.default_rng(0).bytes(5000), "This recording cannot be used"),
        ("empty.wav", b"", "the file is empty"),
        ("no sound.wav", wav(np.zeros(0)), "This recording cannot be used"),
        ("silence.wav", wav(np.zeros(RATE_HZ)), "This recording is silent"),
        ("noise.wav", wav(0.1 * np.random.default_rng(0).standard_normal(RATE_HZ)), "No speech was found"),
    ],
    ids=["garbage", "empty", "no sound", "silence", "noise"],
)
def test_what_has_no_words_gets_a_sentence(visit: Visit, name: str, content: bytes, message: str) -> None:
    visit.upload(name, content)
    visit.says(message)
    assert visit.page.locator("#result").is_hidden()


def test_a_recording_of_the_microphone_has_its_words(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Record", exact=True).click()
    visit.says("Recording …")
    visit.waits_for("document.getElementById('level').value > 0.3")
    visit.page.wait_for_timeout(2500)
    visit.page.get_by_role("button", name="Stop recording").click()
    visit.says("of sound, recognised")
    # A loaded browser drops sound, and the recording begins anywhere in the sample.
    found = set(visit.words())
    assert len(found & set((SAMPLES / "easy.txt").read_text().split())) >= 2, found


def test_a_transcription_can_be_stopped(visit: Visit) -> None:
    samples, _ = soundfile.read(EASY, dtype="int16")
    visit.upload("long.wav", wav(np.tile(samples, 6)))
    visit.says("Recognising")
    visit.page.get_by_role("button", name="Stop", exact=True).click()
    visit.says("Stopped.")
    visit.upload("a reader.flac", EASY.read_bytes())
    visit.says("words;")


def test_nothing_left_this_machine(visit: Visit) -> None:
    assert visit.hosts - {None} == {"127.0.0.1"}
    refused = visit.page.evaluate("fetch('http://localhost:9/').then(() => 'sent', error => error.name)")
    assert refused == "TypeError"

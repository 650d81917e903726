"""The page as a user has it: a headless Chromium against the command, which can reach no other machine."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from browser import chromium, needs_browser, needs_gradio, overflow, started_demo
from repository import REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [needs_gradio, needs_browser, pytest.mark.xdist_group("browser")]

SAMPLES = REPOSITORY / "tests" / "data" / "samples"
WAIT_MS = 240_000
PLAYER = "document.querySelector('#words audio')"


@dataclass
class Visit:
    """An open page, and the hosts that it asked for something."""

    page: "Page"
    calls: Path
    hosts: set[str | None] = field(default_factory=set)

    def status(self, text: str) -> None:
        self.page.locator("#status").get_by_text(text).first.wait_for(timeout=WAIT_MS)

    def upload(self, name: str, content: bytes) -> None:
        if self.page.locator("#file button[aria-label='Clear']").count():
            self.page.locator("#file button[aria-label='Clear']").click()
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.locator("#file input[type=file]").set_input_files(file)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    folder = tmp_path_factory.mktemp("demo")
    samples, rate = soundfile.read(SAMPLES / "easy.flac")
    soundfile.write(folder / "microphone.wav", samples, rate)
    with started_demo(folder / "calls") as address, chromium(folder / "microphone.wav") as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        visit = Visit(page, folder / "calls")
        page.on("request", lambda request: visit.hosts.add(urlsplit(request.url).hostname))
        page.goto(address, timeout=WAIT_MS)
        page.locator("#again").wait_for(timeout=WAIT_MS)
        yield visit


@pytest.fixture(scope="module")
def result(visit: Visit) -> Visit:
    """The page after an upload."""
    visit.upload("a reader.flac", (SAMPLES / "easy.flac").read_bytes())
    visit.status("words; 6.4 s")
    return visit


def test_words_of_an_upload_appear_with_their_confidences(result: Visit) -> None:
    words = result.page.locator("#words .words button")
    assert "ATTENTION TO HER" in " ".join(words.all_inner_texts())
    labels = [word.get_attribute("aria-label") for word in words.all()]
    assert all(re.search(r", (sure|unsure|doubtful), \d+ %, at 0:0\d$", label or "") for label in labels)
    # Whether this speech has words of all three kinds is up to the model.
    looks = words.first.evaluate(
        """first => ["sure", "unsure", "doubtful"].map(kind => {
            const word = first.cloneNode();
            word.className = `word ${kind}`;
            first.after(word);
            const look = getComputedStyle(word).textDecorationStyle;
            word.remove();
            return look;
        })"""
    )
    assert set(looks) == {"solid", "dashed", "wavy"}, "confidence is told by colour alone"
    assert result.page.locator("#comparison section").count() == 2
    assert result.page.locator("#comparison tbody tr").count() == 5
    assert "ATTENTION" in (result.page.locator("#picture svg").get_attribute("aria-label") or "")


def test_a_click_on_a_word_plays_it_alone(result: Visit) -> None:
    word = result.page.locator("#words .words button").nth(4)
    start_s, end_s = (float(word.get_attribute(name) or "nan") for name in ("data-start", "data-end"))
    result.page.evaluate(f"{PLAYER}.addEventListener('playing', () => {{ window.began = {PLAYER}.currentTime; }})")
    word.click()
    result.page.wait_for_function(f"window.began !== undefined && {PLAYER}.paused", timeout=WAIT_MS)
    assert start_s - 0.1 <= result.page.evaluate("window.began") <= end_s
    assert end_s <= result.page.evaluate(f"{PLAYER}.currentTime") <= end_s + 1  # a loaded machine draws late


def test_arrow_keys_go_from_word_to_word(result: Visit) -> None:
    words = result.page.locator("#words .words button")
    assert words.evaluate_all("all => all.filter(each => each.tabIndex === 0).length") == 1
    words.first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        result.page.keyboard.press(key)
    assert words.nth(1).evaluate("each => each === document.activeElement && each.tabIndex === 0")
    result.page.keyboard.press("End")
    assert words.last.evaluate("each => each === document.activeElement")


def test_subtitles_are_downloaded(result: Visit) -> None:
    with result.page.expect_download(timeout=WAIT_MS) as started:
        result.page.get_by_role("link", name="SRT").or_(result.page.get_by_role("button", name="SRT")).first.click()
    assert started.value.suggested_filename == "a reader.srt"
    subtitles = Path(started.value.path()).read_text()
    assert re.match(r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\nTHEREFORE", subtitles)


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_is_wider_than_the_window(result: Visit, width: int) -> None:
    result.page.set_viewport_size({"width": width, "height": 900})
    result.page.wait_for_timeout(300)
    assert overflow(result.page) == 0


def test_every_control_has_a_name(result: Visit) -> None:
    nameless = result.page.evaluate(
        "[...document.querySelectorAll('button, input:not([type=hidden]), textarea, audio, a[href]')]"
        ".filter(each => each.checkVisibility() && !each.innerText?.trim() && !each.ariaLabel && !each.title"
        " && !each.labels?.length).map(each => each.outerHTML.slice(0, 200))"
    )
    assert nameless == []


def test_garbage_gets_a_sentence_and_the_page_goes_on(result: Visit) -> None:
    result.upload("garbage.wav", np.random.default_rng(0).bytes(5000))
    result.status("This recording cannot be used")
    assert result.page.locator("#words .words").count() == 0
    result.page.get_by_role("button", name="Example: a clear reader").click()
    result.status("words; 6.4 s")


def test_a_recording_of_the_microphone_has_its_words(result: Visit) -> None:
    page = result.page
    page.get_by_role("tab", name="Microphone").click()
    page.locator("#microphone").get_by_role("button", name="Record").first.click()
    page.locator("#words .growing").wait_for(timeout=WAIT_MS)
    page.locator("#microphone").get_by_role("button", name="Stop").first.click()
    result.status("words;")
    # A loaded browser drops sound, and the recording begins anywhere in the sample.
    found = set(page.locator("#words .words button").all_inner_texts())
    assert len(found & set((SAMPLES / "easy.txt").read_text().split())) >= 2, found


def test_a_long_upload_can_be_stopped(result: Visit) -> None:
    page = result.page
    page.get_by_role("tab", name="File").click()
    samples, rate = soundfile.read(SAMPLES / "easy.flac", dtype="int16")
    path = result.calls.with_name("long.flac")
    soundfile.write(path, np.tile(samples, 100), rate)
    result.upload("long.flac", path.read_bytes())
    page.locator("#status progress").wait_for(timeout=WAIT_MS)
    page.locator("#stop:enabled").click(timeout=WAIT_MS)
    result.status("Stopped.")


def test_nothing_left_this_machine(result: Visit) -> None:
    assert result.hosts - {None} == {"127.0.0.1"}
    assert not result.calls.exists(), result.calls.read_text()

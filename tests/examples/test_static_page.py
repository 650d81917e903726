"""The page without a server in a headless Chromium, against the recogniser of the package."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import needs_browser, overflow
from encoded_sound import encode
from page_visits import WIDTHS, PageVisit, new_page
from repository import SAMPLE
from static_page import build_page, needs_node, needs_runtime, served, static_visit

from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

pytestmark = [needs_node, needs_runtime, needs_browser, pytest.mark.xdist_group("browser")]

FRAME_S = 0.021
RATE_HZ = 16_000
LOUD_UPDATES = 25
"""Times that the level of the microphone is drawn, ten a second at the most."""


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory, exported: Path) -> Iterator[PageVisit]:
    folder = tmp_path_factory.mktemp("static")
    with served(build_page(exported, folder / "page")) as address, new_page(folder) as page:
        visit = static_visit(page)
        page.goto(address)
        visit.says("Ready.")
        yield visit


@pytest.fixture(scope="module")
def expected() -> Hypothesis:
    return OnnxRecognizer(language_model="own", preset="fast", num_threads=1).recognize(SAMPLE)[0]


@pytest.fixture
def result(visit: PageVisit, expected: Hypothesis) -> PageVisit:
    """The page with the words of an upload."""
    if visit.found_words() != expected.text.split():
        visit.upload("a reader.flac", SAMPLE.read_bytes())
        visit.says("words; 6.4 s of sound")
    return visit


def test_an_upload_has_the_words_times_and_confidences_of_the_package(result: PageVisit, expected: Hypothesis) -> None:
    words = result.word_buttons
    assert " ".join(result.found_words()) == expected.text
    for shown, word in zip(words.all(), expected.words, strict=True):
        assert float(shown.get_attribute("data-start") or "nan") == pytest.approx(word.start_s, abs=FRAME_S)
        assert float(shown.get_attribute("data-end") or "nan") == pytest.approx(word.end_s, abs=FRAME_S)
        assert float((shown.get_attribute("title") or "").split()[0]) == pytest.approx(100 * word.confidence, abs=1.5)
    assert re.search(r"^THEREFORE, (sure|unsure|doubtful), \d+ %, at 0:0\d$", words.first.get_attribute("aria-label"))


def test_it_needs_no_isolation_from_other_origins(visit: PageVisit) -> None:
    assert visit.page.evaluate("crossOriginIsolated") is False


def test_without_the_language_model_it_is_the_greedy_text(visit: PageVisit) -> None:
    visit.page.get_by_label("Language model").uncheck()
    visit.page.get_by_role("button", name="Example: hard").click()
    visit.says("words;")
    visit.page.get_by_label("Language model").check()
    assert " ".join(visit.found_words()) == OnnxRecognizer(num_threads=1).transcribe(SAMPLE.with_name("hard.flac"))


def test_a_click_on_a_word_plays_it_alone(result: PageVisit) -> None:
    result.plays_one_word_alone(4)


def test_arrow_keys_go_from_word_to_word(result: PageVisit) -> None:
    result.goes_from_word_to_word()


def test_subtitles_are_saved(result: PageVisit) -> None:
    with result.page.expect_download() as started:
        result.page.get_by_role("button", name="subtitles").click()
    assert started.value.suggested_filename == "a reader.srt"
    subtitles = Path(started.value.path()).read_text()
    assert re.match(r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\nTHEREFORE", subtitles)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(result: PageVisit, width: int) -> None:
    result.page.set_viewport_size({"width": width, "height": 900})
    result.waits_for(f"innerWidth === {width}")
    assert overflow(result.page) == 0


def test_every_control_has_a_name(result: PageVisit) -> None:
    assert result.nameless("button, input, progress, meter, audio, section, [role=group]") == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("garbage.wav", np.random.default_rng(0).bytes(5000), "This recording cannot be used"),
        ("empty.wav", b"", "the file is empty"),
        ("no sound.wav", encode(np.zeros(0)), "This recording cannot be used"),
        ("silence.wav", encode(np.zeros(RATE_HZ)), "This recording is silent"),
        ("noise.wav", encode(0.1 * np.random.default_rng(0).standard_normal(RATE_HZ)), "No speech was found"),
    ],
    ids=["garbage", "empty", "no sound", "silence", "noise"],
)
def test_what_has_no_words_gets_a_sentence(visit: PageVisit, name: str, content: bytes, message: str) -> None:
    visit.upload(name, content)
    visit.says(message)
    assert visit.page.locator("#result").is_hidden()


def test_a_recording_of_the_microphone_has_its_words(visit: PageVisit) -> None:
    visit.page.evaluate(
        """() => {
            const level = document.getElementById("level");
            window.numLoud = 0;
            new MutationObserver(() => { window.numLoud += level.value > 0.3; }).observe(level, { attributes: true });
        }"""
    )
    visit.page.get_by_role("button", name="Record", exact=True).click()
    visit.says("Recording …")
    visit.waits_for(f"window.numLoud >= {LOUD_UPDATES}")
    visit.page.get_by_role("button", name="Stop recording").click()
    visit.says("of sound, recognised")
    visit.heard_the_sample()


def test_a_transcription_can_be_stopped(visit: PageVisit) -> None:
    samples, _ = soundfile.read(SAMPLE, dtype="int16")
    visit.upload("long.wav", encode(np.tile(samples, 20)))
    visit.says("Recognising")
    visit.page.get_by_role("button", name="Stop", exact=True).click()
    visit.says("Stopped.")
    visit.upload("a reader.flac", SAMPLE.read_bytes())
    visit.says("words;")


def test_nothing_left_this_machine(visit: PageVisit) -> None:
    assert visit.hosts - {None} == {"127.0.0.1"}
    refused = visit.page.evaluate("fetch('http://localhost:9/').then(() => 'sent', error => error.name)")
    assert refused == "TypeError"

"""Takes pictures of the demonstration.

python tests/support/demo_screenshots.py            docs/figures/demo.png, the picture of the documentation
python tests/support/demo_screenshots.py FOLDER     every state in three widths, light and dark, to look at

It needs what the tests in a browser need.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from browser import started_demo
from demo_visits import DemoVisit
from encoded_sound import encode
from page_visits import new_page
from repository import REPOSITORY, SAMPLE

FIGURE = REPOSITORY / "docs" / "figures" / "demo.png"
RATE_HZ = 16_000


def music(seconds: int = 8) -> np.ndarray:
    """Broken chords."""
    time_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    notes = np.array([262, 330, 392, 330, 220, 262, 330, 262])[(time_s * 4).astype(int) % 8]
    sound = sum(np.sin(2 * np.pi * notes * harmonic * time_s) / harmonic for harmonic in (1, 2, 3, 4))
    return 0.2 * sound * np.exp(-6 * (time_s * 4 % 1) / 4)


def states(visit: DemoVisit) -> Iterator[str]:
    """Bring the page into one state after the other, and give their names."""
    page = visit.page
    yield "1-empty"
    page.get_by_role("button", name="What it cannot do").click()
    yield "2-limits"
    page.get_by_role("button", name="What it cannot do").click()
    page.get_by_role("button", name="Example: a clear reader").click()
    visit.says("words; 6.4 s")
    visit.word_buttons.nth(3).click()
    yield "3-result"
    visit.upload("garbage.wav", np.random.default_rng(0).bytes(4000))
    visit.says("cannot be used")
    yield "4-garbage"
    visit.upload("silence.wav", encode(np.zeros(4 * RATE_HZ)))
    visit.says("is silent")
    yield "5-silence"
    page.get_by_label("Language model").uncheck()
    visit.upload("music.wav", encode(music()))
    visit.says(re.compile("Hardly any word|No speech"))
    yield "6-music"
    samples, _ = soundfile.read(SAMPLE)
    visit.upload("long.wav", encode(np.tile(samples, 60)))
    page.locator("#status progress").wait_for()
    yield "7-running"
    visit.says("words;")
    yield "8-long"
    page.get_by_role("tab", name="Microphone").click()
    yield "9-microphone"
    page.locator("#microphone").get_by_role("button", name="Record").first.click()
    page.locator("#words .growing").wait_for()
    yield "10-recording"


@contextmanager
def opened_page() -> Iterator[DemoVisit]:
    """The page in a browser."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with started_demo(folder / "calls") as address, new_page(folder) as page:
            yield DemoVisit.at(address, page)


def take_figure(path: Path) -> None:
    """The picture of the documentation."""
    with opened_page() as visit:
        visit.page.set_viewport_size({"width": 1000, "height": 800})
        visit.page.get_by_role("button", name="Example: a clear reader").click()
        visit.says("words; 6.4 s")
        visit.page.wait_for_timeout(500)  # for transitions
        visit.page.screenshot(path=path, full_page=True)


def main(arguments: list[str]) -> None:
    if not arguments:
        take_figure(FIGURE)
        return
    with opened_page() as visit:
        visit.take_pictures(states(visit), Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])

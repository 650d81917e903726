"""Takes pictures of the demonstration.

python tests/support/demo_screenshots.py            docs/figures/demo.png, the picture of the documentation
python tests/support/demo_screenshots.py FOLDER     every state in three widths, light and dark, to look at

It needs what the tests in a browser need.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from browser import chromium, started_demo
from repository import REPOSITORY, SAMPLE

if TYPE_CHECKING:
    from playwright.sync_api import Page

FIGURE = REPOSITORY / "docs" / "figures" / "demo.png"
WIDTHS = (360, 768, 1440)
SCHEMES = ("light", "dark")
RATE_HZ = 16_000
WAIT_MS = 300_000


def music(seconds: int = 8) -> np.ndarray:
    """Broken chords."""
    time_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    notes = np.array([262, 330, 392, 330, 220, 262, 330, 262])[(time_s * 4).astype(int) % 8]
    sound = sum(np.sin(2 * np.pi * notes * harmonic * time_s) / harmonic for harmonic in (1, 2, 3, 4))
    return 0.2 * sound * np.exp(-6 * (time_s * 4 % 1) / 4)


def upload(page: "Page", name: str, content: bytes) -> None:
    """Give the page a file."""
    clear = page.locator("#file button[aria-label='Clear']")
    if clear.count():
        clear.click()
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator("#file input[type=file]").set_input_files(file)


def encoded(samples: np.ndarray) -> bytes:
    """A WAV file."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        soundfile.write(file.name, samples, RATE_HZ)
        return Path(file.name).read_bytes()


def say(page: "Page", text: str) -> None:
    """Wait for a message."""
    page.locator("#status").get_by_text(text).first.wait_for(timeout=WAIT_MS)


def states(page: "Page") -> Iterator[str]:
    """Bring the page into one state after the other, and give their names."""
    yield "1-empty"
    page.get_by_role("button", name="What it cannot do").click()
    yield "2-limits"
    page.get_by_role("button", name="What it cannot do").click()
    page.get_by_role("button", name="Example: a clear reader").click()
    say(page, "words; 6.4 s")
    page.locator("#words .words button").nth(3).click()
    yield "3-result"
    upload(page, "garbage.wav", np.random.default_rng(0).bytes(4000))
    say(page, "cannot be used")
    yield "4-garbage"
    upload(page, "silence.wav", encoded(np.zeros(4 * RATE_HZ)))
    say(page, "is silent")
    yield "5-silence"
    page.get_by_label("Language model").uncheck()
    upload(page, "music.wav", encoded(music()))
    page.locator("#status").get_by_text(re.compile("Hardly any word|No speech")).first.wait_for(timeout=WAIT_MS)
    yield "6-music"
    samples, _ = soundfile.read(SAMPLE)
    upload(page, "long.wav", encoded(np.tile(samples, 60)))
    page.locator("#status progress").wait_for(timeout=WAIT_MS)
    yield "7-running"
    say(page, "words;")
    yield "8-long"
    page.get_by_role("tab", name="Microphone").click()
    yield "9-microphone"
    page.locator("#microphone").get_by_role("button", name="Record").first.click()
    page.locator("#words .growing").wait_for(timeout=WAIT_MS)
    yield "10-recording"


@contextmanager
def opened_page() -> Iterator["Page"]:
    """The page in a browser."""
    with tempfile.TemporaryDirectory() as folder:
        samples, rate = soundfile.read(SAMPLE)
        soundfile.write(Path(folder) / "microphone.wav", samples, rate)
        with started_demo(Path(folder) / "calls") as address, chromium(Path(folder) / "microphone.wav") as browser:
            page = browser.new_page(viewport={"width": 1000, "height": 800})
            page.goto(address, timeout=WAIT_MS)
            page.locator("#again").wait_for(timeout=WAIT_MS)
            yield page


def take_all(folder: Path) -> None:
    """Every state in every width and scheme."""
    folder.mkdir(parents=True, exist_ok=True)
    with opened_page() as page:
        for name in states(page):
            for width in WIDTHS:
                for scheme in SCHEMES:
                    page.set_viewport_size({"width": width, "height": 800})
                    page.emulate_media(color_scheme=scheme)
                    page.wait_for_timeout(200)
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)


def take_figure(path: Path) -> None:
    """The picture of the documentation."""
    with opened_page() as page:
        page.get_by_role("button", name="Example: a clear reader").click()
        say(page, "words; 6.4 s")
        page.wait_for_timeout(500)
        page.screenshot(path=path, full_page=True)


def main(arguments: list[str]) -> None:
    run: Callable[[], None] = (lambda: take_all(Path(arguments[0]))) if arguments else lambda: take_figure(FIGURE)
    run()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Takes pictures of every state of the page without a server, in three widths, light and dark, to look at.

python tests/support/static_page_pictures.py FOLDER

It needs what the tests in a browser need.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from browser import chromium
from repository import SAMPLE
from static_page import build_page, served

from hf_bigru_asr.runtime.export import export_onnx

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

WIDTHS = (360, 768, 1440)
SCHEMES = ("light", "dark")
RATE_HZ = 16_000
WAIT_MS = 300_000


def upload(page: "Page", name: str, content: bytes) -> None:
    """Give the page a file."""
    page.locator("#file:enabled").wait_for(state="attached", timeout=WAIT_MS)
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator("#file").set_input_files(file)


def encoded(samples: np.ndarray) -> bytes:
    """A WAV file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE_HZ, format="WAV")
    return buffer.getvalue()


def says(page: "Page", text: str) -> None:
    """Wait for a message."""
    page.locator("#status").get_by_text(text).first.wait_for(timeout=WAIT_MS)


def states(page: "Page", address: str) -> Iterator[str]:
    """Bring the page into one state after the other, and give their names."""
    held: list[Route] = []
    page.route("**/lm.binary", lambda route: held.append(route))
    page.goto(address)
    page.locator("progress[value]").wait_for(timeout=WAIT_MS)
    while not held:
        page.wait_for_timeout(100)
    yield "1-loading"
    held[0].continue_()
    says(page, "Ready.")
    yield "2-empty"
    page.get_by_text("What it cannot do").click()
    yield "3-limits"
    page.get_by_text("What it cannot do").click()
    page.get_by_role("button", name="Example: a clear reader").click()
    says(page, "words; 6.4 s")
    page.locator("#words button").nth(3).focus()
    page.keyboard.press("ArrowRight")
    yield "4-result"
    upload(page, "garbage.wav", np.random.default_rng(0).bytes(4000))
    says(page, "cannot be used")
    yield "5-garbage"
    upload(page, "silence.wav", encoded(np.zeros(4 * RATE_HZ)))
    says(page, "is silent")
    yield "6-silence"
    samples, _ = soundfile.read(SAMPLE)
    upload(page, "long.wav", encoded(np.tile(samples, 45)))
    page.locator("#words button").first.wait_for(timeout=WAIT_MS)
    yield "7-running"
    says(page, "words;")
    yield "8-long"
    page.get_by_role("button", name="Record", exact=True).click()
    says(page, "Recording")
    page.wait_for_timeout(1500)
    yield "9-recording"


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        samples, rate = soundfile.read(SAMPLE)
        soundfile.write(work / "microphone.wav", samples, rate)
        model = export_onnx("bundled", work / "model", waveform=True).parent
        with served(build_page(model, work / "page")) as address, chromium(work / "microphone.wav") as browser:
            page = browser.new_page()
            for name in states(page, address):
                for width in WIDTHS:
                    for scheme in SCHEMES:
                        page.set_viewport_size({"width": width, "height": 700})
                        page.emulate_media(color_scheme=scheme)
                        page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

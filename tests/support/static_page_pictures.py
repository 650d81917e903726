"""Takes pictures of every state of the page without a server, in three widths, light and dark, to look at.

python tests/support/static_page_pictures.py FOLDER

It needs what the tests in a browser need.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from encoded_sound import encode
from page_visits import PageVisit, new_page
from repository import SAMPLE
from static_page import build_page, served, static_visit

from hf_bigru_asr.runtime.export import export_onnx

if TYPE_CHECKING:
    from playwright.sync_api import Route

RATE_HZ = 16_000


def states(visit: PageVisit, address: str) -> Iterator[str]:
    """Bring the page into one state after the other, and give their names."""
    page = visit.page
    held: list[Route] = []
    page.route("**/lm.binary", lambda route: held.append(route))
    page.goto(address)
    page.locator("progress[value]").wait_for()
    while not held:
        page.wait_for_timeout(100)
    yield "1-loading"
    held[0].continue_()
    visit.says("Ready.")
    yield "2-empty"
    page.get_by_text("What it cannot do").click()
    yield "3-limits"
    page.get_by_text("What it cannot do").click()
    page.get_by_role("button", name="Example: a clear reader").click()
    visit.says("words; 6.4 s")
    visit.word_buttons.nth(3).focus()
    page.keyboard.press("ArrowRight")
    yield "4-result"
    visit.upload("garbage.wav", np.random.default_rng(0).bytes(4000))
    visit.says("cannot be used")
    yield "5-garbage"
    visit.upload("silence.wav", encode(np.zeros(4 * RATE_HZ)))
    visit.says("is silent")
    yield "6-silence"
    samples, _ = soundfile.read(SAMPLE)
    visit.upload("long.wav", encode(np.tile(samples, 45)))
    visit.says("Recognising")
    yield "7-running"
    visit.says("words;")
    yield "8-long"
    page.get_by_role("button", name="Record", exact=True).click()
    visit.says("Recording")
    page.wait_for_timeout(1500)  # until the level shows something
    yield "9-recording"


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        model = export_onnx("bundled", work / "model", waveform=True).parent
        with served(build_page(model, work / "page")) as address, new_page(work) as page:
            visit = static_visit(page)
            visit.take_pictures(states(visit, address), folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""An open page that transcribes: what its tests do in every browser page, whatever serves it."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import soundfile
from browser import chromium
from repository import SAMPLE

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

WAIT_MS = 240_000
"""How long a loaded machine may take for anything."""
WIDTHS = (360, 768, 1440)
SCHEMES = ("light", "dark")


@dataclass
class PageVisit:
    """An open page, and the hosts that it asked for something.

    Args:
        page: In a browser.
        words: Selector of its words.
        player: Selector of its player.
        file: Selector of its input for files.
        hosts: Names of hosts.
    """

    page: "Page"
    words: str
    player: str
    file: str
    hosts: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))

    def says(self, text: str | re.Pattern[str]) -> str:
        """Wait for a message, and return it whole."""
        message = self.page.locator("#status").get_by_text(text).first
        message.wait_for()
        return message.inner_text()

    def upload(self, name: str, content: bytes) -> None:
        """Give the page a file, when it takes one."""
        self.page.locator(f"{self.file}:enabled").wait_for(state="attached")
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.locator(self.file).set_input_files(file)

    def waits_for(self, condition: str) -> None:
        """Wait for a condition in JavaScript; a strict policy of a page forbids that playwright's own wait runs it."""
        end_s = time.monotonic() + WAIT_MS / 1000
        while not self.page.evaluate(condition):
            assert time.monotonic() < end_s, condition
            time.sleep(0.05)

    @property
    def word_buttons(self) -> "Locator":
        return self.page.locator(self.words)

    def found_words(self) -> list[str]:
        return self.word_buttons.all_inner_texts()

    def plays_one_word_alone(self, number: int) -> None:
        """Click a word: its sound begins and ends where it does."""
        word, player = self.word_buttons.nth(number), f"document.querySelector({self.player!r})"
        start_s, end_s = (float(word.get_attribute(name) or "nan") for name in ("data-start", "data-end"))
        began = f"window.began = undefined; {player}.onplaying = () => {{ window.began = {player}.currentTime; }}"
        self.page.evaluate(f"() => {{ {began} }}")
        word.click()
        self.waits_for(f"window.began !== undefined && {player}.paused")
        assert start_s - 0.1 <= self.page.evaluate("window.began") <= end_s
        assert end_s <= self.page.evaluate(f"{player}.currentTime") <= end_s + 1  # a loaded machine draws late

    def goes_from_word_to_word(self) -> None:
        """Press arrow keys: one word at a time can be reached."""
        words = self.word_buttons
        assert words.evaluate_all("all => all.filter(each => each.tabIndex === 0).length") == 1
        words.first.focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
            self.page.keyboard.press(key)
        assert words.nth(1).evaluate("each => each === document.activeElement && each.tabIndex === 0")
        self.page.keyboard.press("End")
        assert words.last.evaluate("each => each === document.activeElement")

    def heard_the_sample(self) -> None:
        """Look at the words of a recording of the microphone, which plays the sample again and again."""
        # A loaded browser drops sound, and the recording begins anywhere in the sample.
        found = set(self.found_words())
        assert len(found & set(SAMPLE.with_suffix(".txt").read_text().split())) >= 2, found

    def nameless(self, selector: str) -> list[str]:
        """Visible elements that a screen reader has no name for.

        Args:
            selector: Of the elements.
        """
        found: list[str] = self.page.evaluate(
            """selector => [...document.querySelectorAll(selector)]
                .filter(each => each.checkVisibility() && !each.innerText?.trim() && !each.ariaLabel && !each.title
                    && !each.labels?.length)
                .map(each => each.outerHTML.slice(0, 200))""",
            selector,
        )
        return found

    def take_pictures(self, states: Iterator[str], folder: Path) -> None:
        """Write a picture of every state in every width and scheme.

        Args:
            states: Brings the page into one state after the other, and gives their names.
            folder: Gets the pictures.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in states:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    self.page.set_viewport_size({"width": width, "height": 800})
                    self.page.emulate_media(color_scheme=scheme)
                    self.page.wait_for_timeout(200)  # for transitions
                    self.page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)


@contextmanager
def new_page(folder: Path) -> Iterator["Page"]:
    """An empty page of a browser whose microphone plays the sample again and again.

    Args:
        folder: Gets what the microphone plays.
    """
    samples, rate = soundfile.read(SAMPLE)
    soundfile.write(folder / "microphone.wav", samples, rate)
    with chromium(folder / "microphone.wav") as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 900})

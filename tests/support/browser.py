"""A headless Chromium, and the demonstration as a process whose sockets reach no other machine."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

needs_gradio = pytest.mark.skipif(find_spec("gradio") is None, reason="the extra `demo` is not installed")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None,
    reason="needs Chromium (Debian's package chromium) and playwright",
)

GUARDED = """
import socket, sys
log, arguments = sys.argv[1], sys.argv[2:]

def guarded(name, address_of):
    before = getattr(socket.socket if name != "getaddrinfo" else socket, name)
    def call(*given, **options):
        address = address_of(given)
        if address not in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "", None) and not str(address).startswith("/"):
            with open(log, "a") as file:
                file.write(f"{name} {address}\\n")
            raise OSError(f"{address} is not this machine")
        return before(*given, **options)
    setattr(socket.socket if name != "getaddrinfo" else socket, name, call)

for name in ("connect", "connect_ex"):
    guarded(name, lambda given: given[1][0] if isinstance(given[1], tuple) else given[1])
guarded("getaddrinfo", lambda given: given[0] if not isinstance(given[0], bytes) else given[0].decode())
"""
"""Code that writes down and refuses every call to another machine than this one."""

COMMAND = GUARDED + "from hf_bigru_asr.cli.main import main\nsys.exit(main(arguments))\n"


@contextmanager
def started_demo(log: Path, *options: str, timeout_s: float = 300) -> Iterator[str]:
    """The address of `hf-bigru-asr demo` in a process of its own.

    Args:
        log: Gets a line for every call to another machine.
        options: Of the command.
        timeout_s: How long it may take to start.
    """
    command = [sys.executable, "-c", COMMAND, str(log), "demo", "--port", "0", "--num-threads", "1", *options]
    errors = log.with_suffix(".err")
    with errors.open("w") as file, subprocess.Popen(command, stderr=file, stdout=file) as process:
        try:
            yield _address(process, errors, timeout_s)
        finally:
            process.terminate()
            process.wait(30)


def _address(process: "subprocess.Popen[bytes]", errors: Path, timeout_s: float) -> str:
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s and process.poll() is None:
        if found := re.search(r"(http://\S+) shows the page", errors.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"the page did not start: {errors.read_text()[-2000:]}")


@contextmanager
def chromium(microphone: Path | None = None) -> Iterator["Browser"]:
    """A headless browser.

    Args:
        microphone: A WAV file that its microphone plays again and again.
    """
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    if microphone is not None:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            browser.close()


def overflow(page: Any) -> int:  # noqa: ANN401 - a page of playwright
    """Pixels by which a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

"""The page that transcribes in the browser without a server, built from an exported model and served to a browser."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from page_visits import PageVisit
from repository import REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Page

STATIC = REPOSITORY / "demo" / "static"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")
needs_runtime = pytest.mark.skipif(
    not (STATIC / "node_modules" / "onnxruntime-web").is_dir(),
    reason="onnxruntime-web is not installed: npm ci --prefix demo/static",
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def build_page(model: Path, output: Path) -> Path:
    """Build the page.

    Args:
        model: A folder of `export_onnx` with `waveform=True`.
        output: Gets the page.
    """
    command = [str(NODE), str(STATIC / "build.mjs"), str(model), str(output)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return output


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on the loopback interface, with no headers but the necessary ones."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def static_visit(page: "Page") -> PageVisit:
    """A visit of the page, which is not open yet."""
    return PageVisit(page, "#words button", "#player", "#file")

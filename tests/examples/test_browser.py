"""The page in a headless Chromium against the recogniser of the package."""

import html
import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from repository import REPOSITORY, SAMPLE

from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

EXAMPLES = REPOSITORY / "examples"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.slow
def test_the_page_gives_the_text_of_the_package(exported: Path, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    if not (EXAMPLES / "browser" / "node_modules" / "onnxruntime-web").is_dir():
        pytest.skip("onnxruntime-web is not installed; examples/README.md says how")
    for name, target in {"browser": EXAMPLES / "browser", "greedy.mjs": EXAMPLES / "greedy.mjs"}.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / "model").symlink_to(exported)
    shutil.copy(SAMPLE, tmp_path)

    def shown(query: str) -> str:
        url = f"http://127.0.0.1:{server.server_port}/browser/index.html?{query}"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        page = subprocess.run(
            [chromium, *options, profile, url], capture_output=True, text=True, timeout=120, check=True
        )
        return html.unescape(re.findall('<output id="text">(.*?)</output>', page.stdout)[0])

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        text, refused = shown(f"model=../model&audio=../{SAMPLE.name}"), shown("model=nowhere")
        server.shutdown()

    assert text == OnnxRecognizer(exported, num_threads=1).transcribe(SAMPLE)
    assert refused.startswith("Not transcribed: nowhere/")
    assert "examples/README.md says how to export it" in refused

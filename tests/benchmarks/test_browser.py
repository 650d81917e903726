"""The figures of the page in the browser."""

import json
import subprocess
from pathlib import Path

import pytest
from repository import REPOSITORY

from benchmarks import browser
from benchmarks.browser import browser_cpu_s, compared, sizes_of

DOCS = REPOSITORY / "docs"


def test_a_row_compares_with_the_references_and_with_the_package() -> None:
    found = {"texts": ["A B", "C D"], "time_s": 2.0, "cpu_s": 0.5}
    row = compared("files", 10.0, found, package=["A B", "C E"], references=["A X", "C E"])
    assert (row["wer"], row["package_wer"], row["difference"]) == (0.5, 0.25, 0.25)
    assert (row["num_equal"], row["num_files"]) == (1, 2)
    assert (row["real_time_factor"], row["cpu_real_time_factor"]) == (5.0, 20.0)


def test_the_time_of_browsers_alone_counts(tmp_path: Path) -> None:
    busy = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; read line"
    for name, counts in {"chromium": True, "other": False}.items():
        (tmp_path / name).symlink_to("/bin/sh")
        before = browser_cpu_s()
        with subprocess.Popen([tmp_path / name, "-c", f"({busy}) & {busy}"], stdin=subprocess.PIPE) as process:
            while counts and browser_cpu_s() - before < 0.03:
                assert process.poll() is None
            assert counts or browser_cpu_s() == before
            process.communicate(b"\n\n")


def test_every_byte_of_the_page_counts_once(tmp_path: Path) -> None:
    sizes = {
        "model/a.onnx": 5,
        "model/language_model/lm.binary": 7,
        "ort/a.wasm": 11,
        "index.html": 13,
        "model/a.json": 17,
    }
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert sizes_of(tmp_path) == {"network": 5, "language model": 7, "runtime": 11, "page": 30}


def test_the_documentation_shows_what_was_measured() -> None:
    report = json.loads((DOCS / "figures" / "browser.json").read_text(encoding="utf-8"))
    text = (DOCS / "demo.md").read_text(encoding="utf-8")
    for row in report["rows"]:
        errors = [f"{100 * row[kind]:.1f} %" for kind in ("wer", "package_wer")] if row["num_files"] > 1 else ["", ""]
        cells = [row["name"], *errors, f"{100 * row['difference']:.1f} %", f"{row['cpu_real_time_factor']:.0f}"]
        assert "| " + " | ".join(cells).replace("|  |  |", "| | |") + " |" in text, row["name"]
    for name, size in report["bytes"].items():
        assert f"{size / 1e6:.1f} MB" in text, name


@pytest.mark.parametrize("decoder", list(browser.DECODERS))
def test_it_measures_what_the_page_has(decoder: str) -> None:
    assert browser.DECODERS[decoder] in (None, "own")
    source = REPOSITORY / "demo" / "static" / "src"
    for name in ("recognizer_client.js", "sound.js"):
        assert name in browser.LOADING
        assert (source / name).is_file()

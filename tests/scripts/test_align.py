"""`scripts/align.py`: the files it writes, what it refuses, and its exit status."""

import json
import re
from pathlib import Path

import pytest
from script_runs import run_script, write_noise


def test_align_writes_every_format_and_names_the_bad_recording(model_dir: Path, tmp_path: Path) -> None:
    good, untold = write_noise(tmp_path / "good.flac", 1.0), write_noise(tmp_path / "untold.flac", 1.0)
    good.with_suffix(".txt").write_text("Hello, it's $5!\n")
    output = tmp_path / "aligned"

    result = run_script(
        *("align.py", good, untold, "--model", model_dir, "--output_dir", output),
        *("--format", "json", "textgrid", "ctm", "webvtt"),
    )

    assert result.returncode == 1
    assert re.search(r"^ +\d\.\d\d +\d\.\d\d +\d\.\d{3}  Hello,$", result.stdout, re.MULTILINE), result.stderr
    assert "untold.flac: not aligned: " in result.stderr
    assert "untold.txt does not exist; write the text there, or give --text or --text_file." in result.stderr
    assert sorted(path.name for path in output.iterdir()) == ["good.TextGrid", "good.ctm", "good.json", "good.vtt"]
    words = json.loads((output / "good.json").read_text())["words"]
    assert [(word["text"], word["normalized"]) for word in words][2] == ("$5!", "FIVE DOLLARS")


def test_align_names_a_recording_that_is_missing(model_dir: Path, tmp_path: Path) -> None:
    result = run_script("align.py", "--model", model_dir, tmp_path / "missing.wav")
    assert result.returncode == 1
    assert "missing.wav: not aligned: " in result.stderr
    assert "missing.wav does not exist; give the path of a recording." in result.stderr
    assert ".txt" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.wav", "b.wav", "--text", "hello"), "are for one recording"),
        (("a.wav", "--text", "hello", "--text_file", "a.txt"), "are two texts"),
        (("a.wav", "a.flac", "--format", "json"), "would write to the same file"),
        (("a.wav", "--format", "srt"), "invalid choice"),
    ],
)
def test_align_refuses_what_it_cannot_do(arguments: tuple[str, ...], message: str) -> None:
    result = run_script("align.py", *arguments)

    assert result.returncode == 2
    assert message in result.stderr

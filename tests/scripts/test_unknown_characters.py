"""The scripts that read text, on lines with a character that no rule covers."""

import json
import logging
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from repository import SCRIPTS
from tone_voice import ToneVoice

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.training.mmi import load_character_lm
from recipe import synthesis
from recipe.character_lm import estimate_character_lm

TEXT = ["It is a word.", "C# is a language.", "Another line, here!", "five of the six \u2211"]


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(TEXT))
    return path


def run(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    runpy.run_path(str(SCRIPTS / script), run_name="__main__")


def write_kenlm(folder: Path) -> Path:
    """Programs in place of KenLM's, which keep the text and write an empty model."""
    programs = {
        "lmplz": "shutil.copy(option['--text'], option['--arpa'])",
        "build_binary": "shutil.copy(*sys.argv[-2:])",
    }
    for name, body in programs.items():
        path = folder / name
        path.write_text(
            f"#!{sys.executable}\nimport shutil, sys\noption = dict(zip(sys.argv, sys.argv[1:]))\n{body}\n"
        )
        path.chmod(0o755)
    return folder


@pytest.fixture
def commands(tmp_path: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[object, ...]]:
    """The arguments of each script, with a tone for a voice."""
    monkeypatch.setattr(synthesis, "load_voice", lambda name: ToneVoice())
    return {
        "build_lm.py": (
            "--text_file",
            text_file,
            "--output_dir",
            tmp_path / "lm",
            "--kenlm_bin",
            write_kenlm(tmp_path),
        ),
        "build_character_lm.py": ("--text_file", text_file, "--output_file", tmp_path / "lm.safetensors"),
        "synthesize.py": ("--text_file", text_file, "--output_dir", tmp_path / "speech", "--num_utterances", 9),
    }


@pytest.mark.parametrize("script", ["build_lm.py", "build_character_lm.py", "synthesize.py"])
def test_such_lines_are_skipped_counted_and_named(
    script: str,
    commands: dict[str, tuple[object, ...]],
    text_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        run(monkeypatch, script, *commands[script])
    (report,) = [message for message in caplog.messages if message.startswith("Skipped")]
    assert report.startswith(
        f"Skipped 2 of 4 lines of {text_file}, which have characters that no rule covers: line 2,"
    )
    assert "line 4, 'five of the six \u2211', has '\u2211' (U+2211 N-ARY SUMMATION)" in report

    folder = text_file.parent
    if script == "build_lm.py":
        assert json.loads((folder / "lm" / "language_model.json").read_text())["num_sentences"] == 2
    elif script == "synthesize.py":
        assert json.loads((folder / "speech" / "train-synthesis.json").read_text())["num_utterances"] == 2
    else:
        expected = estimate_character_lm(["IT IS A WORD", "ANOTHER LINE HERE"], BiGRUCTCTokenizer())
        np.testing.assert_array_equal(load_character_lm(folder / "lm.safetensors", 28), expected)


@pytest.mark.parametrize("script", ["build_lm.py", "build_character_lm.py", "synthesize.py"])
def test_an_option_makes_them_an_error_with_file_and_line(
    script: str,
    commands: dict[str, tuple[object, ...]],
    text_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, script, *commands[script], "--on_unknown", "error")
    assert caught.value.code == 2
    assert (
        f"{text_file}, line 2, 'C# is a language.', has characters that no rule covers: '#'" in capsys.readouterr().err
    )

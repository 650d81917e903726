"""`scripts/synthesize.py`: the sentences it chooses and the settings it records."""

import hashlib
import itertools
import json
from pathlib import Path

import pytest
from script_runs import run_script, write_split
from tone_voice import ToneVoice

from recipe import synthesis


def test_synthesize_chooses_sentences_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "Left out by number.",
        "Hello there, you!",
        "It is held out.",
        "Too short",
        "Brown dogs run.",
        "Beyond it all.",
    )
    (tmp_path / "text.txt").write_text("\n".join(lines))
    row = {"audio": {"bytes": b"", "path": "none.flac"}, "text": "IT IS HELD OUT"}
    data = write_split(tmp_path / "data", "validation", [row])
    command = ("synthesize.py", "--text_file", tmp_path / "text.txt", "--skip_lines", 1, "--max_lines", 4)
    command += ("--num_utterances", 5, "--exclude_dataset_name", data, "--split", "extra", "--seed", 3)
    command += ("--pace", 0.9, 1.1, "--output_dir", tmp_path / "speech", "--voices")

    refused = run_script(*command, "nobody:nowhere")
    assert refused.returncode == 2
    assert "There is no voice 'nobody:nowhere'" in refused.stderr

    monkeypatch.setattr(synthesis, "load_voice", lambda name: ToneVoice())

    result = run_script(*command, "tone:a")

    assert result.returncode == 0, result.stderr
    assert f"2 utterances, split 'extra', are in {tmp_path / 'speech'}." in result.stdout
    record = json.loads((tmp_path / "speech" / "extra-synthesis.json").read_text())
    chosen = ("HELLO THERE YOU", "BROWN DOGS RUN")
    digests = [hashlib.sha256("\n".join(order).encode()).hexdigest() for order in itertools.permutations(chosen)]
    assert record["sentences_sha256"] in digests
    settings = record["settings"]
    assert (settings["voices"], settings["pace"], settings["seed"]) == (["tone:a"], [0.9, 1.1], 3)

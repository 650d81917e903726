"""`scripts/compare_chunks.py` on a network whose text is known."""

import json
from pathlib import Path

import pytest
import torch
from script_runs import run_script, spoken, write_split
from speech_rows import RATE_HZ
from tone_speech import speak


def test_compare_chunks_writes_what_chunks_change(listener_dir: Path, tmp_path: Path) -> None:
    transcripts = {"HI YOU ": "Hi you", "TALL": "all"}
    rows = [{"sound": spoken(text), "transcript": transcript} for text, transcript in transcripts.items()]
    data = write_split(tmp_path / "data", "validation", rows)

    result = run_script(
        *("compare_chunks.py", "--dataset_name", data, "--model", listener_dir, "--audio_column_name", "sound"),
        *("--text_column_name", "transcript", "--chunk_lengths_s", 1.2, 100, "--num_threads", torch.get_num_threads()),
        *("--output", tmp_path / "out" / "chunks.json"),
    )

    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "out" / "chunks.json").read_text())
    duration_s = sum(len(speak(text)[0]) for text in transcripts) / RATE_HZ
    assert report["minutes"] == pytest.approx(duration_s / 60)
    assert [each["chunk_length_s"] for each in report["results"]] == [None, 1.2, 100]
    # This network looks at one frame at a time, so chunks change nothing.
    for each in report["results"]:
        assert (each["wer_to_exact"], each["wer"]) == (0, pytest.approx(1 / 3))
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["chunks", "exact", "1.2", "100"]

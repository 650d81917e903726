"""`scripts/measure_hotwords.py`: recall and false alarms of words that the lexicon lacks."""

import json
from pathlib import Path

import pytest
from script_runs import run_script


@pytest.mark.usefixtures("in_one_process")
def test_hotwords_are_measured_with_every_weight(
    tone_model: Path, tone_data: tuple[object, ...], tmp_path: Path
) -> None:
    measured = run_script(
        *("measure_hotwords.py", *tone_data, "--model", tone_model, "--batch_size", 2, "--lm", "own"),
        *("--num_hotwords", 1, "--weights", 0, 30, "--output_dir", tmp_path / "hot"),
    )

    assert measured.returncode == 0, measured.stderr
    report = json.loads((tmp_path / "hot" / "hotwords.json").read_text())
    assert report["hotwords"] == ["QUIZ"]
    assert report["num_offsets"] == 3
    assert [trial["weight"] for trial in report["trials"]] == [0, 30]
    assert report["trials"][1]["num_found"] == 1
    assert report["trials"][1]["false_alarms_per_hour"] >= 0
    assert "weight 30: 1 of 1 found" in measured.stdout

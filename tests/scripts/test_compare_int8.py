"""`scripts/compare_int8.py` on a network whose text is known."""

import json
from pathlib import Path

import pytest
import torch
from runtime_support import needs_onnx
from script_runs import run_script, spoken, write_split


@needs_onnx
def test_compare_int8_writes_what_eight_bits_change(listener_dir: Path, tmp_path: Path) -> None:
    transcripts = {"HI YOU": "HI YOU", "TALL": "All!"}
    rows = [{"sound": spoken(text), "transcript": transcript} for text, transcript in transcripts.items()]
    data = write_split(tmp_path / "data", "validation", rows)

    result = run_script(
        *("compare_int8.py", "--dataset_name", data, "--model", listener_dir, "--audio_column_name", "sound"),
        *("--text_column_name", "transcript", "--batch_sizes", 1, 3, "--duration_s", 0.5, "--repeats", 2),
        *("--num_threads", torch.get_num_threads(), "--output", tmp_path / "int8.json"),
    )

    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "int8.json").read_text())
    assert [(each["name"], each["num_float_grus"] > 0) for each in report["results"]] == [
        ("torch, packed nn.GRU, float32", True),
        ("torch, packed nn.GRU, int8", False),
        ("ONNX Runtime, float32", True),
        ("ONNX Runtime, int8", True),
    ]
    for each in report["results"]:
        assert each["wer"] == pytest.approx(1 / 3)
        assert each["real_time_factors"].keys() == {"1", "3"}
        assert all(speed > 0 for speed in each["real_time_factors"].values())
        assert f"{each['name']:32} {each['num_float_grus']} GRUs in float32" in result.stdout

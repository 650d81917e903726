"""`scripts/benchmark_gpu.py`, on the CPU."""

import json
from pathlib import Path

import pytest
import torch
from script_runs import run_script


def test_gpu_benchmark_says_what_an_epoch_takes(listener_dir: Path, tmp_path: Path) -> None:
    result = run_script(
        *("benchmark_gpu.py", "--model", listener_dir, "--device", "cpu", "--batch_sizes", 2),
        *("--training_batch_sizes", 4, "--duration_s", 2, "--repeats", 1, "--output", tmp_path / "out" / "gpu.json"),
    )
    assert result.returncode == 0, result.stderr[-3000:]
    report = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert [row["name"] for row in report["inference"]] == ["cpu float32", "cpu bfloat16"]
    assert [row["name"] for row in report["training"]] == ["cpu float32", "cpu bfloat16"]
    for row in report["training"]:
        assert 4 * 2 * 0.7 < row["audio_s"] <= 4 * 2  # the shortest utterances have 70 % of the longest
        assert row["audio_hours_per_minute"] * 60 * row["step_median_s"] == pytest.approx(row["audio_s"])
        assert row["epoch_s"] / 60 * row["audio_hours_per_minute"] == pytest.approx(100.6)
    assert report["commit"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_gpu_benchmark_without_a_gpu_says_so() -> None:
    result = run_script("benchmark_gpu.py")
    assert result.returncode == 2
    assert "there is no CUDA device here; --device names another one." in result.stderr

"""Benchmarks of one device; on the CPU here, and on a GPU where there is one."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import REPOSITORY
from tone_speech import save_listener

from hf_bigru_asr import BiGRUForCTC
from hf_bigru_asr.device_benchmark import DTYPES, measure_inference, time_training_step
from hf_bigru_asr.training_benchmark import Batch

SCRIPT = str(REPOSITORY / "scripts" / "benchmark_gpu.py")
NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_trains(tiny_model: BiGRUForCTC, dtype: str, device: str) -> None:
    before = copy.deepcopy(tiny_model.state_dict())
    batch = Batch.random(2, 20, tiny_model.config)
    times_s = time_training_step(tiny_model, batch, torch.device(device), dtype, repeats=3)
    assert len(times_s) == 3
    assert min(times_s) > 0
    for name, parameter in tiny_model.named_parameters():
        assert parameter.dtype == torch.float32
        assert not torch.equal(parameter.cpu(), before[name]), name


@pytest.mark.parametrize("device", DEVICES)
def test_every_size_and_number_format_is_timed(tiny_model: BiGRUForCTC, tmp_path: Path, device: str) -> None:
    tiny_model.save_pretrained(tmp_path)
    sizes = [(1, 0.5), (3, 0.2)]
    timings = measure_inference(str(tmp_path), torch.device(device), sizes, frame_s=0.02, repeats=2)
    expected = [(f"{device} {dtype}", *size, 2) for size in sizes for dtype in ("float32", "bfloat16")]
    assert [(row.name, row.batch_size, row.duration_s, len(row.times_s)) for row in timings] == expected
    assert all((row.peak_memory_mib is None) == (device == "cpu") for row in timings)


def test_the_script_reports_what_an_epoch_takes(tmp_path: Path) -> None:
    save_listener(tmp_path / "model")
    options = {"--model": tmp_path / "model", "--device": "cpu", "--batch_sizes": 2, "--training_batch_sizes": 4}
    options |= {"--duration_s": 2, "--repeats": 1, "--output": tmp_path / "out" / "gpu.json"}
    arguments = [str(part) for option in options.items() for part in option]
    result = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    report = json.loads((tmp_path / "out" / "gpu.json").read_text())
    assert [row["name"] for row in report["inference"]] == ["cpu float32", "cpu bfloat16"]
    for row in report["training"]:
        assert 4 * 2 * 0.7 < row["audio_s"] <= 4 * 2  # the shortest utterances have 70 % of the longest
        assert row["audio_hours_per_minute"] * 60 * row["step_median_s"] == pytest.approx(row["audio_s"])
        assert row["epoch_s"] / 60 * row["audio_hours_per_minute"] == pytest.approx(100.6)
    assert report["commit"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_the_script_says_so() -> None:
    result = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "there is no CUDA device here; --device names another one." in result.stderr

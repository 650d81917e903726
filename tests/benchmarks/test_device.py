"""Benchmarks of one device; on the CPU here, and on a GPU where there is one."""

import copy
from pathlib import Path

import pytest
import torch

from benchmarks.device import DTYPES, measure_inference, time_training_step
from benchmarks.training import Batch
from hf_bigru_asr import BiGRUForCTC

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

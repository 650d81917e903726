"""Weights through every door: NaN, infinity, other shapes and broken files are refused, and what is missing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from hf_bigru_asr import Aligner, BiGRUForCTC, load_recognizer
from hf_bigru_asr.backends.loading import load_model
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

RECOGNITION: dict[str, Callable[[Path], object]] = {
    "pipeline": lambda folder: load_recognizer(folder, device="cpu"),
    "load_model": lambda folder: load_model(folder, device="cpu"),
    "aligner": Aligner.from_pretrained,
    "without torch": OnnxRecognizer,
    "runtime": lambda folder: load_model(folder, "onnx"),
}
DOORS = {**RECOGNITION, "from_pretrained": BiGRUForCTC.from_pretrained}


def change_weights(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_weights_that_are_no_numbers_are_refused(door: Callable, value: float, model_dir: Path) -> None:
    change_weights(model_dir, lambda weights: weights["bigru.layers.1.weight_hh_l0"].__setitem__((3, 2), value))
    with pytest.raises(ValueError, match=r"model.*bigru\.layers\.1\.weight_hh_l0 has values that are NaN or infinite"):
        door(model_dir)


@pytest.mark.parametrize("door", RECOGNITION.values(), ids=RECOGNITION)
def test_recognition_needs_all_weights(door: Callable, model_dir: Path) -> None:
    change_weights(model_dir, lambda weights: weights.pop("lm_head.bias"))
    with pytest.raises(ValueError, match=r"model.*lm_head\.bias"):
        door(model_dir)


def test_training_goes_on_without_some(model_dir: Path) -> None:
    change_weights(model_dir, lambda weights: weights.pop("lm_head.bias"))
    model, found = BiGRUForCTC.from_pretrained(model_dir, output_loading_info=True)
    assert model.missing_weights == ("lm_head.bias",)
    assert set(found["missing_keys"]) == {"lm_head.bias"}
    assert torch.equal(model.lm_head.bias, torch.zeros(29))


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_broken_file_is_named(door: Callable, model_dir: Path) -> None:
    path = model_dir / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"model\.safetensors is no readable safetensors file"):
        door(model_dir)


def test_a_size_that_no_memory_holds_is_refused_before_it_is_made(model_dir: Path) -> None:
    path = model_dir / "config.json"
    path.write_text(path.read_text().replace('"hidden_size": 8', '"hidden_size": 16384'))
    with pytest.raises(ValueError, match=r"has the shape .*; by config\.json beside it, it must be"):
        BiGRUForCTC.from_pretrained(model_dir)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_parts_load_everywhere(
    dtype: torch.dtype, tiny_model: BiGRUForCTC, model_dir: Path
) -> None:
    expected = {name: weight.to(dtype).float() for name, weight in tiny_model.state_dict().items()}
    (model_dir / "model.safetensors").unlink()
    tiny_model.to(dtype).save_pretrained(model_dir, max_shard_size="10KB")

    loaded = BiGRUForCTC.from_pretrained(model_dir, dtype=torch.float32)
    assert all(torch.equal(weight, expected[name]) for name, weight in loaded.state_dict().items())
    features = torch.randn(1, 20, 128)
    with torch.inference_mode():
        wanted = loaded.eval()(features).logits
    torch.testing.assert_close(load_model(model_dir, "onnx")(features).logits, wanted, atol=1e-4, rtol=0)

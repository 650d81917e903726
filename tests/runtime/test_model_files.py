"""A graph, a processor and a configuration of different models in one folder are refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from runtime_support import needs_onnx, randomise_biases

from hf_bigru_asr import (
    BiGRUCTCConfig,
    BiGRUCTCFeatureExtractor,
    BiGRUCTCProcessor,
    BiGRUCTCTokenizer,
    BiGRUForCTC,
    OnnxBiGRUForCTC,
)
from hf_bigru_asr.runtime.export import export_onnx
from hf_bigru_asr.runtime.model_files import ModelFiles
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

pytestmark = needs_onnx
DOORS: dict[str, Callable] = {"recognizer": OnnxRecognizer, "runtime model": OnnxBiGRUForCTC.from_pretrained}


def save(folder: Path, hop_length: int = 320, **features: object) -> Path:
    model = BiGRUForCTC(BiGRUCTCConfig(hidden_size=8, num_hidden_layers=1, inputs_to_logits_ratio=hop_length))
    randomise_biases(model)
    model.save_pretrained(folder)
    extractor = BiGRUCTCFeatureExtractor(hop_length=hop_length, **features)
    BiGRUCTCProcessor(extractor, BiGRUCTCTokenizer()).save_pretrained(folder)
    return folder


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    export_onnx(save(tmp_path / "model"), tmp_path / "exported")
    return tmp_path / "exported"


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_an_export_that_was_killed_over_another_one(door: Callable, exported: Path, tmp_path: Path) -> None:
    """The settings are new, and the graph is the old one."""
    other = save(tmp_path / "other", hop_length=160)
    for name in ("config.json", "processor_config.json"):
        shutil.copyfile(other / name, exported / name)
    with pytest.raises(
        ValueError, match=r"config\.json and .*model\.onnx .* different models: samples per frame 160 a"
    ):
        door(exported)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"normalization": "none"}, "normalization 'none' against 'utterance'"),
        ({"win_length": 400}, "win_length 400 against 512"),
        ({"sampling_rate": 22_050}, "sampling rate 22050 against 16000"),
        ({"mel_floor": 1e-5}, "mel_floor 1e-05 against 1e-06"),
    ],
)
def test_the_features_of_a_graph_are_compared(
    door: Callable, features: dict[str, object], message: str, exported: Path, tmp_path: Path
) -> None:
    other = save(tmp_path / "other", **features)
    shutil.copyfile(other / "processor_config.json", exported / "processor_config.json")
    with pytest.raises(ValueError, match=message):
        door(exported)


def test_grids_are_no_part_of_a_graph(exported: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other", num_offsets=3)
    shutil.copyfile(other / "processor_config.json", exported / "processor_config.json")
    assert OnnxRecognizer(exported).feature_settings.num_offsets == 3


def test_symbols_of_a_graph_are_compared(exported: Path) -> None:
    path = exported / "vocab.json"
    symbols = json.loads(path.read_text())
    path.write_text(json.dumps(symbols | {"A": symbols["B"], "B": symbols["A"]}))
    with pytest.raises(ValueError, match=r"the vocabulary beside it and .*symbols"):
        OnnxRecognizer(exported)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_graph_with_broken_weights_or_metadata(door: Callable, exported: Path) -> None:
    path = exported / "model.onnx"
    graph = path.read_bytes()
    path.write_bytes(graph.replace(b'"sampling_rate": 16000', b'"sampling_rate": 16O00'))
    with pytest.raises(ValueError, match=r"model\.onnx has broken metadata"):
        door(exported)
    from onnx import load_model_from_string, numpy_helper

    model = load_model_from_string(graph)
    largest = max(model.graph.initializer, key=lambda each: len(each.raw_data))
    broken = numpy_helper.to_array(largest).copy()
    broken.flat[5] = np.nan
    largest.CopyFrom(numpy_helper.from_array(broken, largest.name))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=rf"model\.onnx: the weight {largest.name} has values that are NaN"):
        door(exported)


def test_empty_filters_are_refused_as_by_the_extractor(tmp_path: Path) -> None:
    folder = save(tmp_path / "model")
    path = folder / "processor_config.json"
    path.write_text(path.read_text().replace('"n_fft": 1024', '"n_fft": 512'))
    for read in (lambda: ModelFiles(folder).feature_settings, lambda: BiGRUCTCProcessor.from_pretrained(folder)):
        with pytest.raises(ValueError, match="mel filters contain no bin of a 512-point"):
            read()


def test_a_model_in_parts_is_exported_as_a_whole_one(tmp_path: Path) -> None:
    folder = save(tmp_path / "model")
    whole = export_onnx(folder, tmp_path / "whole").read_bytes()
    model = BiGRUForCTC.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="10KB")
    assert len(ModelFiles(folder).weights_paths) > 1
    assert export_onnx(folder, tmp_path / "parts").read_bytes() == whole
    assert torch.isfinite(OnnxBiGRUForCTC.from_pretrained(folder)(torch.zeros(1, 5, 128)).logits).all()

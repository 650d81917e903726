"""Files of weights: found whole or in parts, and of the network that the configuration describes."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hf_bigru_asr import BiGRUForCTC
from hf_bigru_asr.model.checked_weights_bigru_ctc import check_shapes, find_weights, network_shapes, shapes_of_files


def test_shapes_are_those_of_the_network(tiny_model: BiGRUForCTC) -> None:
    expected = {name: tuple(weight.shape) for name, weight in tiny_model.state_dict().items()}
    assert network_shapes(tiny_model.config.to_dict()) == expected


def test_parts_are_found(tiny_model: BiGRUForCTC, tmp_path: Path) -> None:
    tiny_model.save_pretrained(tmp_path, max_shard_size="20KB")
    paths = find_weights(tmp_path)
    assert len(paths) > 1
    check_shapes(shapes_of_files(paths), tiny_model.config.to_dict(), tmp_path)

    paths[1].unlink()
    with pytest.raises(FileNotFoundError, match=paths[1].name):
        find_weights(tmp_path)


@pytest.mark.parametrize(
    "parts", [None, {}, ["model.safetensors"], {"a": 1}, {"a": "../x.safetensors"}, {"a": "/dev/zero"}]
)
def test_broken_lists_of_parts_are_refused(parts: object, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    with pytest.raises(ValueError, match=r"model\.safetensors\.index\.json"):
        find_weights(tmp_path)


def test_weights_of_another_network_are_refused(tiny_model: BiGRUForCTC, tmp_path: Path) -> None:
    tiny_model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    config = tiny_model.config.to_dict()

    save_file({**weights, "lm_head.bias": np.zeros(3, np.float32)}, path)
    for is_whole in (True, False):
        with pytest.raises(ValueError, match=r"lm_head\.bias has the shape \(3,\); .* must be \(29,\)"):
            check_shapes(shapes_of_files([path]), config, path, is_whole=is_whole)

    bias = weights.pop("lm_head.bias")
    save_file({**weights, "lm_head.other": bias}, path)
    with pytest.raises(ValueError, match=r"missing are lm_head\.bias, unknown are lm_head\.other"):
        check_shapes(shapes_of_files([path]), config, path)
    check_shapes(shapes_of_files([path]), config, path, is_whole=False)


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_cut_files_are_refused(size: int, tiny_model: BiGRUForCTC, tmp_path: Path) -> None:
    tiny_model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"model\.safetensors is no readable safetensors file"):
        shapes_of_files([path])

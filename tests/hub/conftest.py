"""A Hub on 127.0.0.1, this process as its client, and a release to push."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from card_records import TRAINING
from hub_users import EVALUATION, become_client, open_hub, save_speller
from loopback_hub import LoopbackHub
from repository import SCRIPTS
from safetensors.torch import save_file

from hf_bigru_asr.hub.release import assemble_release


@pytest.fixture(scope="module")
def loopback_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with open_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def client(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LoopbackHub:
    return become_client(loopback_hub, monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def speller_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_speller(tmp_path_factory.mktemp("speller"))


@pytest.fixture
def release(speller_dir: Path, tmp_path: Path) -> Path:
    return assemble_release(speller_dir, tmp_path / "release", [EVALUATION], repo_id="alice/tiny")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("push_to_hub", SCRIPTS / "push_to_hub.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # HfArgumentParser looks the dataclass's module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """What the card reads of a model: its configuration, the header of its weights, its training."""
    folder = tmp_path / "model"
    folder.mkdir()
    sizes = {
        "model_type": "bigru_ctc",
        "num_hidden_layers": 3,
        "hidden_size": 256,
        "num_mel_bins": 128,
        "vocab_size": 29,
    }
    (folder / "config.json").write_text(json.dumps({**sizes, "inputs_to_logits_ratio": 320}))
    save_file({"a": torch.zeros(1000, 3), "b": torch.zeros(7)}, folder / "model.safetensors")
    (folder / "training.json").write_text(json.dumps(TRAINING))
    return folder

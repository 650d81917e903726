"""The implementations of a layer, and a tokenizer of four symbols."""

import json
from pathlib import Path

import pytest
import torch
from small_network import SMALL_VOCABULARY

from hf_bigru_asr import BiGRUCTCTokenizer
from hf_bigru_asr.model import layers_bigru_ctc
from hf_bigru_asr.model.layers_bigru_ctc import BiGRULayer


@pytest.fixture
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Takes the model through one of its implementations of a layer."""
    if request.param == "packed":
        monkeypatch.setattr(BiGRULayer, "forward", BiGRULayer._forward_packed)
    if request.param == "loop":
        monkeypatch.setattr(layers_bigru_ctc, "LOOP_BATCH_SIZE", 1)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    return request.param


@pytest.fixture
def tokenizer(tmp_path: Path) -> BiGRUCTCTokenizer:
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps({symbol: index for index, symbol in enumerate(SMALL_VOCABULARY)}))
    return BiGRUCTCTokenizer(str(path))

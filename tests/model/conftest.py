"""The implementations of a layer."""

import pytest
import torch

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

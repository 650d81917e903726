"""Waveforms of very different lengths, and what the tiny model makes of each alone."""

import numpy as np
import pytest
import torch
from recognition import recognise

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC

NUM_SAMPLES = [9000, 1, 16_000, 320, 12_345, 321]


@pytest.fixture
def waveforms() -> list[np.ndarray]:
    """Noise whose colour changes, of very different lengths: a single sample and one frame among them."""
    rng = np.random.default_rng(0)
    return [
        np.sin(np.cumsum(np.repeat(rng.uniform(0.01, 2.5, num // 800 + 1), 800)[:num])).astype(np.float32) * 0.3
        + rng.normal(0, 0.05, num).astype(np.float32)
        for num in NUM_SAMPLES
    ]


@pytest.fixture
def alone(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, waveforms: list[np.ndarray]
) -> list[tuple[torch.Tensor, str]]:
    """The single results, that every batch has to give again."""
    results = [recognise(tiny_model, processor, [waveform])[0] for waveform in waveforms]
    assert len({text for _, text in results}) >= 4
    assert max(len(text) for _, text in results) > 8
    return results

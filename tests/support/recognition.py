"""A batch of waveforms through processor, model and decoding, as the contracts compare it."""

import numpy as np
import torch

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC

RATE_HZ = 16_000
TOLERANCE = 1e-4
"""Largest difference between log-probabilities that have to be equal."""


def recognise(
    model: BiGRUForCTC,
    processor: BiGRUCTCProcessor,
    waveforms: list[np.ndarray],
    extra_frames: int = 0,
    fill: float = 0.0,
) -> list[tuple[torch.Tensor, str]]:
    """Log-probabilities of the valid frames and the text, decoded from all frames, of every utterance of a batch."""
    inputs = processor(audio=waveforms, sampling_rate=RATE_HZ)
    mask = torch.nn.functional.pad(inputs["attention_mask"], (0, extra_frames))
    features = torch.nn.functional.pad(inputs["input_features"], (0, 0, 0, extra_frames))
    features = features.masked_fill(mask[..., None] == 0, fill)
    with torch.no_grad():
        logits = model(features, attention_mask=mask).logits
    texts = processor.batch_decode(logits.argmax(-1))
    return [(row[: int(length)], text) for row, length, text in zip(logits, mask.sum(-1), texts, strict=True)]

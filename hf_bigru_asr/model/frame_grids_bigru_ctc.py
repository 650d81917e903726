"""Several grids of frames of the same audio: how they lie in the features, and what becomes of their scores."""

from collections.abc import Iterable
from typing import Any

import torch

MAX_OFFSETS = 8
"""Most grids of frames: more gain nothing, and input of another form is not mistaken for them so easily."""
NUM_OFFSETS_HELP = (
    "Grids of frames on which the network runs, whose log-probabilities are averaged; 3 makes fewer errors than 1, "
    "for three times the work of the network. By default as many as the language model was tuned with, if it says so, "
    "and as the model was saved with, one usually."
)


def grids_of_frames(input_features: torch.Tensor, num_mel_bins: int) -> tuple[torch.Tensor, ...]:
    """Features of each grid of frames, one after the other.

    Args:
        input_features: What the model takes; `(batch, frames, num_offsets * num_mel_bins)` if there are several grids.
        num_mel_bins: Mel bins of one frame.

    Returns:
        `num_offsets` tensors `(batch, frames, num_mel_bins)`; `input_features` itself if it has another form.
    """
    num_offsets, rest = divmod(input_features.shape[-1], num_mel_bins)
    if input_features.dim() != 3 or rest or not 1 < num_offsets <= MAX_OFFSETS:
        return (input_features,)
    return input_features.split(num_mel_bins, dim=-1)


def mean_of_grids(log_probs: Iterable[torch.Tensor], num_offsets: int) -> torch.Tensor:
    """Normalised geometric mean of the probabilities that a network gives on each of several grids of frames.

    Args:
        log_probs: `(..., frames, classes)` of each grid; taken one after another.
        num_offsets: How many there are.

    Returns:
        Log-probabilities `(..., frames, classes)`; those of the one grid itself if there is only one.
    """
    if num_offsets == 1:
        (only,) = log_probs
        return only
    total = torch.zeros(())
    for each in log_probs:
        # Divided first: the sum of the lowest finite numbers, which stand on padding, would not be finite.
        total = total.to(each.device) + each / num_offsets
    return total.log_softmax(dim=-1)


def use_offsets(feature_extractor: Any, num_offsets: int | None) -> None:  # noqa: ANN401 - of any make
    """Have a feature extractor give so many grids of frames; those that it gives already if `None`.

    Raises:
        ValueError: If it cannot, or the number is out of range.
    """
    if num_offsets is None:
        return
    if not hasattr(feature_extractor, "set_num_offsets"):
        raise ValueError(
            f"A {type(feature_extractor).__name__} gives one grid of frames; num_offsets needs a "
            "BiGRUCTCFeatureExtractor of this release."
        )
    feature_extractor.set_num_offsets(num_offsets)


__all__ = ["MAX_OFFSETS", "NUM_OFFSETS_HELP", "grids_of_frames", "mean_of_grids", "use_offsets"]

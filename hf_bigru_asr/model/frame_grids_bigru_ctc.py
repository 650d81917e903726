"""Test-time averaging over time-shifted frame grids: layout of the features and mean of the log-probabilities."""

from collections.abc import Iterable
from typing import Any

import torch

MAX_OFFSETS = 8
"""Most frame grids. More of them gain nothing, and the limit tells them from features of a wrong width."""
NUM_OFFSETS_HELP = (
    "Frame grids on which the network runs; their log-probabilities are averaged. 3 makes fewer errors than 1 and "
    "takes three times as long in the network. Default: the number that the language model was tuned with, otherwise "
    "the number that the model was saved with, usually 1."
)


def grids_of_frames(input_features: torch.Tensor, num_mel_bins: int) -> tuple[torch.Tensor, ...]:
    """Split features into those of each frame grid.

    Args:
        input_features: The model's input. With several grids its shape is `(batch, frames, num_offsets *
            num_mel_bins)`, the bins of the first grid first.
        num_mel_bins: Mel bins of one frame.

    Returns:
        `num_offsets` tensors `(batch, frames, num_mel_bins)`, or `input_features` alone if it has another shape.
    """
    # While a model is traced, a size is a tensor.
    num_offsets, rest = divmod(int(input_features.shape[-1]), num_mel_bins)
    if input_features.dim() != 3 or rest or not 1 < num_offsets <= MAX_OFFSETS:
        return (input_features,)
    return input_features.split(num_mel_bins, dim=-1)


def mean_of_grids(log_probs: Iterable[torch.Tensor], num_offsets: int) -> torch.Tensor:
    """Normalised geometric mean of the probabilities on each frame grid.

    Args:
        log_probs: Log-probabilities `(..., frames, classes)` of each grid. Only one of them is held at a time.
        num_offsets: Number of grids.

    Returns:
        Log-probabilities `(..., frames, classes)`, unchanged if there is only one grid.
    """
    if num_offsets == 1:
        (only,) = log_probs
        return only
    total = torch.zeros(())
    for each in log_probs:
        # Divided first: padding holds the lowest finite number, and a sum of several would not be finite.
        total = total.to(each.device) + each / num_offsets
    return total.log_softmax(dim=-1)


def use_offsets(feature_extractor: Any, num_offsets: int | None) -> None:  # noqa: ANN401 - of any make
    """Set the number of frame grids of a feature extractor; `None` leaves it as it is.

    Args:
        feature_extractor: Changed in place.
        num_offsets: 1 to `MAX_OFFSETS`.

    Raises:
        ValueError: If the extractor has only one grid, or the number is out of range.
    """
    if num_offsets is None:
        return
    if not hasattr(feature_extractor, "set_num_offsets"):
        raise ValueError(
            f"A {type(feature_extractor).__name__} gives one frame grid; num_offsets needs a "
            "BiGRUCTCFeatureExtractor of this release."
        )
    feature_extractor.set_num_offsets(num_offsets)


__all__ = ["MAX_OFFSETS", "NUM_OFFSETS_HELP", "grids_of_frames", "mean_of_grids", "use_offsets"]

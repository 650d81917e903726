"""Several grids of frames of the same audio: how they lie in the features, and what becomes of their scores."""

from collections.abc import Sequence

import torch


def grids_of_frames(input_features: torch.Tensor, num_mel_bins: int) -> tuple[torch.Tensor, ...]:
    """Features of each grid of frames, one after the other.

    Args:
        input_features: What the model takes; `(batch, frames, num_offsets * num_mel_bins)` if there are several grids.
        num_mel_bins: Mel bins of one frame.

    Returns:
        `num_offsets` tensors `(batch, frames, num_mel_bins)`; `input_features` itself if it has another form.
    """
    width = input_features.shape[-1]
    if input_features.dim() != 3 or width == 0 or width % num_mel_bins:
        return (input_features,)
    return input_features.split(num_mel_bins, dim=-1)


def mean_of_grids(log_probs: Sequence[torch.Tensor]) -> torch.Tensor:
    """Normalised geometric mean of the probabilities that a network gives on each of several grids of frames.

    Args:
        log_probs: `(..., frames, classes)` of each grid.

    Returns:
        Log-probabilities `(..., frames, classes)`; those of the one grid itself if there is only one.
    """
    if len(log_probs) == 1:
        return log_probs[0]
    # Halves of the lowest finite number, which stands on padding, have a finite sum.
    return torch.stack([each / len(log_probs) for each in log_probs]).sum(0).log_softmax(dim=-1)


__all__ = ["grids_of_frames", "mean_of_grids"]

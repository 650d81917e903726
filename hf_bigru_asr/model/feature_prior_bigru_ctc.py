"""Statistics of the training speech, to which the features of short utterances are drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .speech_statistics_bigru_ctc import FloatArray, speech_levels, speech_weights

__all__ = ["FittedPrior", "check_prior", "fit_prior"]


@dataclass(frozen=True)
class FittedPrior:
    """What [`fit_prior`] finds.

    Args:
        std: `(mels,)` root of the mean variance of each bin within utterances.
        mean: `(mels,)` mean of each bin over the speech of all utterances; `None` if none of them has speech.
    """

    std: list[float]
    mean: list[float] | None


def fit_prior(grids: Iterable[FloatArray], frame_s: float) -> FittedPrior:
    """Statistics of utterances.

    Args:
        grids: Logarithms of mel powers `(frames, mels)` of each utterance, and of each of its frame grids.
        frame_s: Seconds per frame.

    Raises:
        ValueError: If there is no utterance, or a bin never changes.
    """
    count, speech_count = 0, 0.0
    squares = speech = np.zeros(0)
    for frames in grids:
        if count == 0:
            squares, speech = np.zeros(frames.shape[1]), np.zeros(frames.shape[1])
        count += len(frames)
        squares += len(frames) * frames.var(0, dtype=np.float64)
        weights = speech_weights(speech_levels(frames, frames.shape[1]), frame_s).astype(np.float64)
        speech_count += float(weights.sum())
        speech += (weights * frames).sum(0)
    if count == 0:
        raise ValueError("There is no utterance to take a variance from; give at least one.")
    std = np.sqrt(squares / count).round(4).tolist()
    _check_positive(std)
    return FittedPrior(std, (speech / speech_count).round(4).tolist() if speech_count > 0 else None)


def check_prior(num_mels: int, frames: int, std: Sequence[float] | None) -> None:
    """Refuse a prior of the variance that is not one.

    Args:
        num_mels: Mel bins of a frame.
        frames: Pseudo-frames; without any `std` does not matter.
        std: `(num_mels,)` positive standard deviations.

    Raises:
        ValueError: If there are fewer than no frames, or another number of standard deviations.
    """
    if frames < 0:
        raise ValueError(f"prior_frames is {frames}; it must be at least 0.")
    if frames > 0:
        if std is None or len(std) != num_mels:
            raise ValueError(
                f"prior_frames is {frames}, which needs prior_std with {num_mels} values; got "
                f"{std if std is None else len(std)}. fit_prior computes them."
            )
        _check_positive(std)


def _check_positive(std: Sequence[float]) -> None:
    lowest = min(std)
    if lowest <= 0:
        raise ValueError(f"prior_std has the value {lowest}; all of them must be positive.")

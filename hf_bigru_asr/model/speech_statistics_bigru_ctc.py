"""Normalisation of log-mel frames by the statistics of the speech around them.

Pauses, silence and noise around speech would move the mean and the variance of a recording. Here frames count by how
likely they are speech, and only those within `WINDOW_S` seconds count. So silence changes no word of what follows it,
and every speaker of a long recording is normalised by his own speech. What is no speech becomes 0.

The rule, for each frame grid on its own:

1. The level of a frame is the mean of its mel powers in dB, averaged over `SMOOTHING_S` on both sides. The mean over
   bins of steady noise hardly changes, whatever its spectrum is.
2. For a block of `BLOCK_S`, the highest and the lowest level are those of the blocks within `WINDOW_S` on both sides,
   so that a quiet speaker has a threshold of his own. The highest counts as at most `SPEAKERS_DB` below that of the
   recording. The threshold lies `DEPTH_DB` below the highest, but at least `FLOOR_DB` above the lowest, or half way
   between both if that is lower.
3. The weight of a frame rises from 0 to 1 within `RAMP_DB` around the threshold. It falls to 0 where levels differ by
   less than `CONTRAST_DB` within `CONTRAST_S` on both sides, with a ramp of `CONTRAST_RAMP_DB`: noise and tones are
   steady, and speech is not. The weight is then the highest one within `MARGIN_S` on both sides.
4. Weighted sums are taken over the blocks. The statistics of a block are those of the blocks within `WINDOW_S` on
   both sides, with up to `SHRINKAGE_FRAMES` frames of the whole recording's statistics.
5. `PRIOR_MEAN_FRAMES` pseudo-frames of the mean of the training data, shifted to the level of the speech, are added to
   every mean, and those of the prior to every variance.
6. Normalised frames without any speech within `SILENCE_S` on both sides become 0, the mean of speech, where the
   network stays near the state that it begins in. Where the highest weight is below `1 / SILENCE_SLOPE` they fade
   towards it.

Every step is continuous, so rounding never changes more than rounding. NumPy alone: the feature extractor and the
runtime without torch share this file, and `runtime/onnx_features.py` has the rule as nodes of a graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "VARIANCE_FLOOR",
    "SpeechNormalizer",
    "SpeechPrior",
    "SpeechSums",
    "block_frames",
    "normalize_by_speech",
    "speech_levels",
    "speech_weights",
    "window_blocks",
]

FloatArray = npt.NDArray[np.float32]

SMOOTHING_S = 0.1
SPEAKERS_DB = 20.0
DEPTH_DB = 18.0
FLOOR_DB = 8.0
RAMP_DB = 6.0
CONTRAST_DB = 2.5
CONTRAST_RAMP_DB = 1.5
CONTRAST_S = 1.0
MARGIN_S = 0.2
BLOCK_S = 1.0
WINDOW_S = 15.0
SHRINKAGE_FRAMES = 10.0
PRIOR_MEAN_FRAMES = 10.0
SILENCE_S = 0.5
SILENCE_SLOPE = 2.0
VARIANCE_FLOOR = 1e-5
"""Added to every variance, so that a bin that never changes becomes zero."""
DB_PER_NEPER = 10.0 / np.log(10.0)
"""Decibels of power for a natural logarithm of power of one."""

_TINY = 1e-9
"""Weight below which there is no speech, and nothing to divide."""
_BLOCKS_AT_ONCE = 256
"""Blocks whose statistics are computed together, which bounds the memory of the intermediate results."""


def frames_of(seconds: float, frame_s: float) -> int:
    """Nearest whole number of frames, at least one."""
    return max(1, round(seconds / frame_s))


def block_frames(frame_s: float) -> int:
    """Frames of a block."""
    return frames_of(BLOCK_S, frame_s)


def window_blocks(frame_s: float) -> int:
    """Blocks on either side of a block that enter its statistics."""
    return frames_of(WINDOW_S, block_frames(frame_s) * frame_s)


@dataclass(frozen=True)
class SpeechPrior:
    """Statistics of the speech in the training data.

    Args:
        frames: Pseudo-frames with the standard deviation `std` that are added to every variance, at least 1.
        mean: `(mels,)` mean of each bin over all speech.
        std: `(mels,)` standard deviation of each bin within utterances.
    """

    frames: int
    mean: Sequence[float]
    std: Sequence[float]

    @classmethod
    def of(
        cls, num_mels: int, frames: int, mean: Sequence[float] | None, std: Sequence[float] | None
    ) -> "SpeechPrior":
        """The prior of an extractor's settings.

        Args:
            num_mels: Mel bins of a frame.
            frames: Its `prior_frames`.
            mean: Its `prior_mean`.
            std: Its `prior_std`.

        Raises:
            ValueError: If one of them is missing, or has not a value for every bin.
        """
        if frames < 1 or mean is None or std is None or {len(mean), len(std)} != {num_mels}:
            sizes = ["no values" if values is None else f"{len(values)} values" for values in (mean, std)]
            raise ValueError(
                f'normalization="speech" needs prior_frames, and {num_mels} values of prior_mean and of prior_std; '
                f"prior_frames is {frames}, prior_mean has {sizes[0]} and prior_std {sizes[1]}. fit_prior computes "
                "them, of utterances that have speech."
            )
        return cls(frames, mean, std)


def normalize_by_speech(features: FloatArray, frame_s: float, prior: SpeechPrior) -> FloatArray:
    """Normalise all frames of a recording.

    Args:
        features: `(frames, grids * mels)` logarithms of mel powers, at least one frame.
        frame_s: Seconds per frame.
        prior: Statistics of the training data.

    Returns:
        `(frames, grids * mels)` float32.
    """
    num_mels = len(prior.mean)
    weights = speech_weights(speech_levels(features, num_mels), frame_s)
    sums = SpeechSums(num_mels, frame_s)
    sums.add(0, features, weights)
    return sums.normalizer(weights, prior)(features)


def speech_levels(features: FloatArray, num_mels: int) -> FloatArray:
    """Level of every frame in dB, on each frame grid.

    Args:
        features: `(frames, grids * num_mels)` logarithms of mel powers.
        num_mels: Mel bins of a frame.

    Returns:
        `(frames, grids)` float32.
    """
    levels: FloatArray = np.float32(DB_PER_NEPER) * features.reshape(len(features), -1, num_mels).mean(-1)
    return levels


def speech_weights(levels: FloatArray, frame_s: float) -> FloatArray:
    """How much every frame counts as speech, from 0 to 1: steps 1 to 3 of the rule.

    Args:
        levels: `(frames, grids)` in dB, of the whole recording.
        frame_s: Seconds per frame.

    Returns:
        `(frames, grids)` float32.
    """
    smooth = _moving_mean(levels, frames_of(SMOOTHING_S, frame_s))
    size, radius = block_frames(frame_s), window_blocks(frame_s)
    starts = np.arange(0, len(smooth), size)
    highest = _moving_max(np.maximum.reduceat(smooth, starts), radius)
    lowest = -_moving_max(-np.minimum.reduceat(smooth, starts), radius)
    highest = np.maximum(highest, smooth.max(0) - SPEAKERS_DB)
    distance = highest - lowest
    threshold = highest - np.minimum(np.maximum(distance - FLOOR_DB, distance / 2), DEPTH_DB)
    weights = _ramp(smooth - threshold[np.arange(len(smooth)) // size], RAMP_DB)
    near = frames_of(CONTRAST_S, frame_s)
    contrast = _moving_max(smooth, near) + _moving_max(-smooth, near)
    weights *= _ramp(contrast - CONTRAST_DB, CONTRAST_RAMP_DB)
    return _moving_max(weights, frames_of(MARGIN_S, frame_s)).astype(np.float32)


def _ramp(distance: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    """From 0 to 1 within `width` around a distance of 0."""
    return np.clip(distance / width + 0.5, 0.0, 1.0)


def _moving_mean(values: npt.NDArray[np.floating], radius: int) -> npt.NDArray[np.float64]:
    """Mean over `radius` rows on both sides, those that there are."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(0, dtype=np.float64)])
    rows = np.arange(len(values))
    first, last = np.maximum(rows - radius, 0), np.minimum(rows + radius + 1, len(values))
    means: npt.NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)[:, None]
    return means


def _moving_max(values: npt.NDArray[Any], radius: int) -> npt.NDArray[Any]:
    """Highest value within `radius` rows on both sides."""
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    highest: npt.NDArray[Any] = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0).max(-1)
    return highest


@dataclass
class SpeechSums:
    """Weighted sums over blocks of a recording, gathered in pieces of any length.

    Args:
        num_mels: Mel bins of a frame.
        frame_s: Seconds per frame.
    """

    num_mels: int
    frame_s: float
    _blocks: dict[int, npt.NDArray[np.float64]] = field(default_factory=dict, repr=False)

    def add(self, first_frame: int, features: FloatArray, weights: FloatArray) -> None:
        """Add frames.

        Args:
            first_frame: Position of the first one in the recording.
            features: `(frames, grids * num_mels)`.
            weights: `(frames, grids)`.
        """
        values = features.reshape(len(features), -1, self.num_mels)
        numbers = (first_frame + np.arange(len(features))) // block_frames(self.frame_s)
        starts = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
        # One block after another: products of matrices are many times as fast as sums over a copy of all frames.
        for start, end in zip(starts, [*starts[1:], len(features)], strict=True):
            scale = weights[start:end].T[:, None].astype(np.float64)
            part = values[start:end].swapaxes(0, 1).astype(np.float64)
            sums = np.concatenate([scale.sum(-1), (scale @ part)[:, 0], (scale @ np.square(part))[:, 0]], axis=-1)
            number = int(numbers[start])
            self._blocks[number] = self._blocks[number] + sums if number in self._blocks else sums

    def normalizer(self, weights: FloatArray, prior: SpeechPrior) -> "SpeechNormalizer":
        """Steps 4 to 6 of the rule, when all frames have been added.

        Args:
            weights: `(frames, grids)` of the whole recording.
            prior: Statistics of the training data.
        """
        sums = np.stack([self._blocks[number] for number in range(len(self._blocks))])
        whole = sums.sum(0)
        share = whole * (SHRINKAGE_FRAMES / np.maximum(whole[..., :1], SHRINKAGE_FRAMES))
        prior_mean = np.asarray(prior.mean, dtype=np.float64)
        prior_squares = prior.frames * np.square(np.asarray(prior.std, dtype=np.float64))
        mean = np.empty((len(sums), *sums.shape[1:-1], self.num_mels), dtype=np.float32)
        variance = np.empty_like(mean)
        for start in range(0, len(sums), _BLOCKS_AT_ONCE):
            part = slice(start, min(start + _BLOCKS_AT_ONCE, len(sums)))
            near = _moving_sum(sums, part, window_blocks(self.frame_s)) + share
            count, total, squares = np.split(near, [1, 1 + self.num_mels], axis=-1)
            above = (total - count * prior_mean).mean(-1, keepdims=True) / (count + PRIOR_MEAN_FRAMES)
            mean[part] = (total + PRIOR_MEAN_FRAMES * (prior_mean + above)) / (count + PRIOR_MEAN_FRAMES)
            deviations = np.maximum(squares - total * total / np.maximum(count, _TINY), 0.0)
            variance[part] = (deviations + prior_squares) / (count + prior.frames)
        nearest = _moving_max(weights, frames_of(SILENCE_S, self.frame_s))
        return SpeechNormalizer(
            block_frames(self.frame_s),
            mean.reshape(len(sums), -1),
            variance.reshape(len(sums), -1),
            np.minimum(SILENCE_SLOPE * nearest, 1.0).astype(np.float32),
        )


def _moving_sum(values: npt.NDArray[np.float64], part: slice, radius: int) -> npt.NDArray[np.float64]:
    """Sums of the rows within `radius` of each row of `part`, without differences of large sums."""
    first, last = max(part.start - radius, 0), min(part.stop + radius, len(values))
    # Rows of zeros stand for those beyond the ends.
    missing = (radius - (part.start - first), radius - (last - part.stop))
    padded = np.pad(values[first:last], (missing, *[(0, 0)] * (values.ndim - 1)))
    sums = np.zeros_like(values[part])
    for shift in range(2 * radius + 1):
        sums += padded[shift : shift + len(sums)]
    return sums


@dataclass(frozen=True)
class SpeechNormalizer:
    """Mean and variance for every block of a recording, and where it is silent.

    Args:
        block_frames: Frames of a block.
        mean: `(blocks, grids * mels)` float32.
        variance: `(blocks, grids * mels)` float32.
        presence: `(frames, grids)` float32: 1 near speech, 0 where a frame becomes 0.
    """

    block_frames: int
    mean: FloatArray
    variance: FloatArray
    presence: FloatArray

    def __call__(self, features: FloatArray, first_frame: int = 0) -> FloatArray:
        """Normalised frames.

        Args:
            features: `(frames, grids * mels)`.
            first_frame: Position of the first one in the recording.
        """
        blocks = (first_frame + np.arange(len(features))) // self.block_frames
        presence = self.presence[first_frame : first_frame + len(features)]
        presence = np.repeat(presence, features.shape[1] // presence.shape[1], axis=1)
        used, places = np.unique(blocks, return_inverse=True)
        scale = 1 / np.sqrt(self.variance[used] + np.float32(VARIANCE_FLOOR))
        normalised: FloatArray = presence * ((features - self.mean[blocks]) * scale[places])
        return normalised

"""Normalisation of log-mel frames by the statistics of the speech around them.

Pauses, silence and noise around speech would move the mean and the variance of a recording. Here frames count by how
likely they are speech, and only those within `WINDOW_S` seconds count. So silence changes no word of what follows it,
and every speaker of a long recording is normalised by his own speech.

The rule, for each frame grid on its own:

1. The level of a frame is the sum of its mel powers in dB, averaged over `SMOOTHING_S` on both sides.
2. The threshold of a block of `BLOCK_S` is the mean of the highest and the lowest level of the blocks within
   `WINDOW_S` on both sides, so that a quiet speaker has one of his own. The highest counts as at most
   `SPEAKERS_DB` below that of the recording, the lowest as at most `RANGE_DB` below the highest. Where these blocks
   have less contrast than `MIN_CONTRAST_DB` there is noise alone, and the highest is that of the recording.
3. The weight of a frame rises from 0 to 1 within `RAMP_DB` around the threshold, and is the highest one within
   `MARGIN_S` on both sides. A recording whose highest and lowest level differ by less than about `MIN_CONTRAST_DB` has
   no pauses: all weights are 1. Between `CONTRAST_RAMP_DB / 2` above and below it the lowest weight falls from 1 to 0.
4. Weighted sums are taken over the blocks. The statistics of a block are those of the blocks within `WINDOW_S` on
   both sides, with the weight of `SHRINKAGE_FRAMES` frames of the whole recording's statistics.

Every step is continuous, so rounding never changes more than rounding. NumPy alone: the feature extractor and the
runtime without torch share this file, and `runtime/onnx_features.py` has the rule as nodes of a graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = [
    "VARIANCE_FLOOR",
    "SpeechNormalizer",
    "SpeechSums",
    "block_frames",
    "normalize_by_speech",
    "speech_levels",
    "speech_weights",
    "window_blocks",
]

FloatArray = npt.NDArray[np.float32]

SMOOTHING_S = 0.1
RANGE_DB = 50.0
SPEAKERS_DB = 20.0
RAMP_DB = 6.0
MARGIN_S = 0.2
MIN_CONTRAST_DB = 10.0
CONTRAST_RAMP_DB = 4.0
BLOCK_S = 1.0
WINDOW_S = 15.0
SHRINKAGE_FRAMES = 10.0
VARIANCE_FLOOR = 1e-5
"""Added to every variance, so that a bin that never changes becomes zero."""
DB_PER_NEPER = 10.0 / np.log(10.0)
"""Decibels of power for a natural logarithm of power of one."""

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


def normalize_by_speech(
    features: FloatArray,
    num_mels: int,
    frame_s: float,
    prior_frames: int = 0,
    prior_std: Sequence[float] | None = None,
) -> FloatArray:
    """Normalise all frames of a recording.

    Args:
        features: `(frames, grids * num_mels)` logarithms of mel powers, at least one frame.
        num_mels: Mel bins of a frame.
        frame_s: Seconds per frame.
        prior_frames: Pseudo-frames with the standard deviation `prior_std` that are added to every variance.
        prior_std: `(num_mels,)`.

    Returns:
        `(frames, grids * num_mels)` float32.
    """
    sums = SpeechSums(num_mels, frame_s)
    sums.add(0, features, speech_weights(speech_levels(features, num_mels), frame_s))
    return sums.normalizer(prior_frames, prior_std)(features)


def speech_levels(features: FloatArray, num_mels: int) -> FloatArray:
    """Level of every frame in dB, on each frame grid.

    Args:
        features: `(frames, grids * num_mels)` logarithms of mel powers.
        num_mels: Mel bins of a frame.

    Returns:
        `(frames, grids)` float32.
    """
    powers = np.exp(features).reshape(len(features), -1, num_mels).sum(-1)
    levels: FloatArray = (np.float32(DB_PER_NEPER) * np.log(powers)).astype(np.float32)
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
    top = smooth.max(0)
    contrast = np.minimum(top - smooth.min(0), RANGE_DB)
    is_flat = np.clip((MIN_CONTRAST_DB - contrast) / CONTRAST_RAMP_DB + 0.5, 0.0, 1.0)
    size, radius = block_frames(frame_s), window_blocks(frame_s)
    starts = np.arange(0, len(smooth), size)
    highest = _moving_max(np.maximum.reduceat(smooth, starts), radius)
    lowest = -_moving_max(-np.minimum.reduceat(smooth, starts), radius)
    has_speech = np.clip((highest - lowest - MIN_CONTRAST_DB) / CONTRAST_RAMP_DB + 0.5, 0.0, 1.0)
    near_top = top - has_speech * np.minimum(top - highest, SPEAKERS_DB)
    near_bottom = np.maximum(lowest, near_top - RANGE_DB)
    threshold = ((near_top + near_bottom) / 2)[np.arange(len(smooth)) // size]
    weights = np.clip((smooth - threshold) / RAMP_DB + 0.5, 0.0, 1.0)
    return np.maximum(_moving_max(weights, frames_of(MARGIN_S, frame_s)), is_flat).astype(np.float32)


def _moving_mean(values: npt.NDArray[np.floating], radius: int) -> npt.NDArray[np.float64]:
    """Mean over `radius` rows on both sides, those that there are."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(0, dtype=np.float64)])
    rows = np.arange(len(values))
    first, last = np.maximum(rows - radius, 0), np.minimum(rows + radius + 1, len(values))
    means: npt.NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)[:, None]
    return means


def _moving_max(values: npt.NDArray[np.float64], radius: int) -> npt.NDArray[np.float64]:
    """Highest value within `radius` rows on both sides."""
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    highest: npt.NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0).max(-1)
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
        size = block_frames(self.frame_s)
        values = features.reshape(len(features), -1, self.num_mels).astype(np.float64)
        scale = weights.astype(np.float64)[..., None]
        parts = np.concatenate([scale, scale * values, scale * values * values], axis=-1)
        numbers = (first_frame + np.arange(len(features))) // size
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        for number, part in zip(numbers[starts].tolist(), np.add.reduceat(parts, starts, axis=0), strict=True):
            self._blocks[number] = self._blocks[number] + part if number in self._blocks else part

    def normalizer(self, prior_frames: int = 0, prior_std: Sequence[float] | None = None) -> "SpeechNormalizer":
        """Step 4 of the rule, when all frames have been added.

        Args:
            prior_frames: Pseudo-frames with the standard deviation `prior_std` that are added to every variance.
            prior_std: `(num_mels,)`.
        """
        sums = np.stack([self._blocks[number] for number in range(len(self._blocks))])
        whole = sums.sum(0)
        share = whole * (SHRINKAGE_FRAMES / whole[..., :1])
        prior = 0.0 if prior_frames == 0 else np.square(np.asarray(prior_std, dtype=np.float64))
        mean = np.empty((len(sums), *sums.shape[1:-1], self.num_mels), dtype=np.float32)
        variance = np.empty_like(mean)
        for start in range(0, len(sums), _BLOCKS_AT_ONCE):
            part = slice(start, min(start + _BLOCKS_AT_ONCE, len(sums)))
            near = _moving_sum(sums, part, window_blocks(self.frame_s)) + share
            count, total, squares = np.split(near, [1, 1 + self.num_mels], axis=-1)
            part_mean = total / count
            part_variance = np.maximum(squares / count - part_mean * part_mean, 0.0)
            mean[part] = part_mean
            variance[part] = (count * part_variance + prior_frames * prior) / (count + prior_frames)
        shape = (len(sums), -1)
        return SpeechNormalizer(block_frames(self.frame_s), mean.reshape(shape), variance.reshape(shape))


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
    """Mean and variance for every block of a recording.

    Args:
        block_frames: Frames of a block.
        mean: `(blocks, grids * num_mels)` float32.
        variance: `(blocks, grids * num_mels)` float32.
    """

    block_frames: int
    mean: FloatArray
    variance: FloatArray

    def __call__(self, features: FloatArray, first_frame: int = 0) -> FloatArray:
        """Normalised frames.

        Args:
            features: `(frames, grids * num_mels)`.
            first_frame: Position of the first one in the recording.
        """
        blocks = (first_frame + np.arange(len(features))) // self.block_frames
        scale = 1 / np.sqrt(self.variance + np.float32(VARIANCE_FLOOR))
        normalised: FloatArray = (features - self.mean[blocks]) * scale[blocks]
        return normalised

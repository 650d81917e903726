"""The log-mel features of `BiGRUCTCFeatureExtractor`, without torch.

The compiled part of the package computes them where it is there and the length of the transform is a power of two, in
a tenth of the time that NumPy takes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..model.checked_files_bigru_ctc import check_features
from ..model.speech_statistics_bigru_ctc import VARIANCE_FLOOR, SpeechPrior, normalize_by_speech
from ..native.features import CompiledLogMel
from ..native.library import is_available

__all__ = [
    "VARIANCE_FLOOR",
    "FloatArray",
    "LogMelSettings",
    "hann_window",
    "log_mel",
    "log_mel_frames",
    "mel_filter_bank",
    "mel_powers",
    "normalized",
    "standardized",
]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.intp]

_BLOCK_FRAMES = 4096


@dataclass(frozen=True)
class LogMelSettings:
    """Settings of the features, with the names, defaults and meaning of `BiGRUCTCFeatureExtractor`.

    Raises:
        ValueError: If a value is out of range, or `prior_std` or `prior_mean` has not one for every bin.
    """

    feature_size: int = 128
    sampling_rate: int = 16_000
    hop_length: int = 320
    win_length: int = 512
    n_fft: int = 1024
    fmin: float = 0.0
    fmax: float | None = None
    mel_floor: float = 1e-6
    normalization: str = "utterance"
    prior_frames: int = 0
    prior_std: tuple[float, ...] | None = None
    prior_mean: tuple[float, ...] | None = None
    num_offsets: int = 1

    def __post_init__(self) -> None:
        """Check the values that would otherwise give wrong features."""
        check_features(vars(self))
        if self.prior_frames > 0 and (self.prior_std is None or len(self.prior_std) != self.feature_size):
            raise ValueError(f"prior_frames needs prior_std with {self.feature_size} values.")
        if self.normalization == "speech":
            _ = self.speech_prior

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LogMelSettings":
        """Settings from the JSON of a feature extractor; other fields are ignored."""
        known = {each.name: values[each.name] for each in fields(cls) if values.get(each.name) is not None}
        known |= {name: tuple(known[name]) for name in ("prior_std", "prior_mean") if name in known}
        return cls(**known)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Shift of each frame grid in samples, as in `BiGRUCTCFeatureExtractor`."""
        middle = (self.num_offsets - 1) / 2
        return tuple(round((index - middle) * self.hop_length / self.num_offsets) for index in range(self.num_offsets))

    @property
    def first_sample(self) -> int:
        """First sample of the window of frame 0 on a grid without shift; negative, in the zeros before the audio."""
        return (self.n_fft - self.win_length) // 2 - (self.n_fft - self.hop_length) // 2

    @property
    def frame_s(self) -> float:
        """Seconds per frame."""
        return self.hop_length / self.sampling_rate

    @property
    def speech_prior(self) -> SpeechPrior:
        """Statistics of the training data, for `normalization="speech"`."""
        return SpeechPrior.of(self.feature_size, self.prior_frames, self.prior_mean, self.prior_std)

    @property
    def num_before(self) -> int:
        """Samples before its own interval that a frame needs; zeros for the first frame."""
        return (self.n_fft - self.hop_length) // 2 - self.offsets[0]

    @property
    def span(self) -> int:
        """Samples that a frame needs in all, beginning `num_before` samples before its own interval."""
        return self.n_fft + self.offsets[-1] - self.offsets[0]

    def num_frames(self, num_samples: int) -> int:
        """Frames of `num_samples` of audio."""
        return math.ceil(num_samples / self.hop_length)


@lru_cache(maxsize=4)
def hann_window(num_samples: int) -> FloatArray:
    """Periodic Hann window. Source: `torch.hann_window`."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(num_samples) / num_samples)).astype(np.float32)


@lru_cache(maxsize=4)
def mel_filter_bank(settings: LogMelSettings) -> FloatArray:
    """`(n_fft // 2 + 1, feature_size)` triangles on the HTK mel scale, each with a peak of one.

    Raises:
        ValueError: If a filter contains no bin.

    Source: `torchaudio.functional.melscale_fbanks` with `norm=None, mel_scale="htk"`.
    """
    fmax = settings.sampling_rate / 2 if settings.fmax is None else settings.fmax
    lowest, highest = (2595 * math.log10(1 + hertz / 700) for hertz in (settings.fmin, fmax))
    edges = 700 * (10 ** (np.linspace(lowest, highest, settings.feature_size + 2) / 2595) - 1)
    bins = np.linspace(0, settings.sampling_rate // 2, settings.n_fft // 2 + 1)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    filters = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    if num_empty := int((filters.max(axis=0) == 0).sum()):
        raise ValueError(
            f"{num_empty} of the {settings.feature_size} mel filters contain no bin of a {settings.n_fft}-point "
            f"transform at {settings.sampling_rate} Hz; raise n_fft or lower feature_size."
        )
    return filters


def mel_powers(power: FloatArray, settings: LogMelSettings) -> FloatArray:
    """Power in every mel filter.

    A filter is zero at most bins, which are left out. So this takes half of the time of a product of matrices, and
    none of its threads, which would take their cores from the network.

    Args:
        power: Power spectra `(frames, n_fft // 2 + 1)`.
        settings: Settings of the model's features.

    Returns:
        `(frames, feature_size)`, each column contiguous.
    """
    bins = np.ascontiguousarray(power.T)
    (_, first, weights), *others = _filter_steps(settings)
    sums = bins[first] * weights
    for filters, each, weights in others:
        sums[filters] += bins[each] * weights
    return sums.T


@lru_cache(maxsize=4)
def _filter_steps(settings: LogMelSettings) -> list[tuple[IntArray, IntArray, FloatArray]]:
    """Filters that have a first bin, a second one, and so on; their bins there, and the weights `(filters, 1)`."""
    filters = mel_filter_bank(settings)
    first = (filters > 0).argmax(axis=0)
    widths = len(filters) - (filters[::-1] > 0).argmax(axis=0) - first
    steps = []
    for place in range(int(widths.max())):
        (wide,) = np.nonzero(widths > place)
        bins = first[wide] + place
        steps.append((wide, bins, filters[bins, wide, None]))
    return steps


def log_mel(waveform: FloatArray, settings: LogMelSettings) -> FloatArray:
    """Normalised frames `(frames, num_offsets * feature_size)` of one utterance.

    Args:
        waveform: `(samples,)` at `settings.sampling_rate`, at least one sample, in [-1, 1].
        settings: Settings of the model's features.
    """
    num_frames = settings.num_frames(len(waveform))
    after = (num_frames - 1) * settings.hop_length + settings.span - settings.num_before - len(waveform)
    return normalized(log_mel_frames(np.pad(waveform, (settings.num_before, after)), settings), settings)


def log_mel_frames(padded: FloatArray, settings: LogMelSettings) -> FloatArray:
    """Unnormalised features of samples that include the context of the first and the last frame.

    Args:
        padded: `((frames - 1) * hop_length + span,)` samples, beginning `num_before` samples before the first frame's
            interval.
        settings: Settings of the model's features.

    Returns:
        `(frames, num_offsets * feature_size)`.
    """
    length, num_mels = settings.win_length, settings.feature_size
    num_frames = (len(padded) - settings.span) // settings.hop_length + 1
    features = np.empty((num_frames, settings.num_offsets * num_mels), dtype=np.float32)
    compiled = _compiled(settings)
    for grid, offset in enumerate(settings.offsets):
        first = offset - settings.offsets[0] + (settings.n_fft - length) // 2
        of_grid = features[:, grid * num_mels : (grid + 1) * num_mels]
        if compiled is None:
            _write_frames(padded[first:], settings, of_grid)
        else:
            compiled.write(padded[first:], of_grid)
    return features


@lru_cache(maxsize=4)
def _compiled(settings: LogMelSettings) -> CompiledLogMel | None:
    """Computes features in the compiled part of the package; `None` where it cannot."""
    is_power_of_two = settings.n_fft >= 4 and settings.n_fft & (settings.n_fft - 1) == 0
    if not is_available() or not is_power_of_two or settings.mel_floor < np.finfo(np.float32).tiny:
        return None
    window = hann_window(settings.win_length)
    return CompiledLogMel(window, mel_filter_bank(settings), settings.hop_length, settings.mel_floor)


def _write_frames(samples: FloatArray, settings: LogMelSettings, features: FloatArray) -> None:
    """Compute frames with NumPy.

    Args:
        samples: From the first one in the window of the first frame on.
        settings: Settings of the model's features.
        features: `(frames, feature_size)`, where they are written.
    """
    length = settings.win_length
    window = hann_window(length)
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[:: settings.hop_length]
    # In blocks, to bound the memory that the spectra of a long recording take.
    for start in range(0, len(features), _BLOCK_FRAMES):
        end = min(start + _BLOCK_FRAMES, len(features))
        spectrum = np.fft.rfft(frames[start:end] * window, settings.n_fft)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        mels = np.maximum(mel_powers(power, settings), settings.mel_floor)
        np.log(mels, out=features[start:end])


def normalized(features: FloatArray, settings: LogMelSettings) -> FloatArray:
    """Normalise `features` `(frames, num_offsets * feature_size)` as `settings.normalization` says."""
    if settings.normalization == "none":
        return features
    if settings.normalization == "speech":
        return normalize_by_speech(features, settings.frame_s, settings.speech_prior)
    mean, variance = features.mean(axis=0, dtype=np.float64), features.var(axis=0, dtype=np.float64)
    return standardized(features, mean, variance, len(features), settings)


def standardized(
    features: FloatArray,
    mean: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    num_frames: int,
    settings: LogMelSettings,
) -> FloatArray:
    """Normalise features by the mean and the variance of an utterance.

    Args:
        features: `(frames, num_offsets * feature_size)`, all frames or some.
        mean: `(num_offsets * feature_size,)` of the whole utterance.
        variance: `(num_offsets * feature_size,)` of the whole utterance, without the prior.
        num_frames: Frames of the whole utterance.
        settings: Settings of the model's features.

    Returns:
        `(frames, num_offsets * feature_size)`.
    """
    if settings.prior_frames > 0:
        prior = np.tile(np.square(np.asarray(settings.prior_std, dtype=np.float64)), settings.num_offsets)
        variance = (num_frames * variance + settings.prior_frames * prior) / (num_frames + settings.prior_frames)
    deviation = np.sqrt(variance + VARIANCE_FLOOR).astype(np.float32)
    standard: FloatArray = (features - mean.astype(np.float32)) / deviation
    return standard

"""Features of a recording that comes in blocks: the very frames of the whole, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..model.speech_statistics_bigru_ctc import SpeechNormalizer, SpeechSums, speech_levels, speech_weights
from ..model.waveforms_bigru_ctc import AudioArray, mono_waveform
from .frame_store import Frames, FrameStore
from .log_mel import FloatArray, LogMelSettings, log_mel_frames, standardized

__all__ = ["Extract", "LongFeatures", "log_mel_blocks"]

Extract = Callable[[FloatArray, LogMelSettings], Frames]
"""Computes unnormalised features of samples with their context: [`log_mel_frames`], or what equals it."""


def log_mel_blocks(
    blocks: Iterable[AudioArray], settings: LogMelSettings, *, max_frames: int, extract: Extract = log_mel_frames
) -> Iterator[Frames]:
    """Unnormalised features of a recording, piece by piece; joined they are those of the whole.

    Args:
        blocks: The samples, in pieces of any lengths, each `(samples,)` or `(channels, samples)`.
        settings: Settings of the features.
        max_frames: Frames of a piece of the result at the most.
        extract: Computes the features.

    Yields:
        `(frames, num_offsets * mels)`.

    Raises:
        ValueError: If there are no samples, or as [`mono_waveform`].
        TypeError: As [`mono_waveform`].
    """
    hop, size = settings.hop_length, settings.span
    waiting = np.zeros(settings.num_before, dtype=np.float32)
    num_samples = num_frames = 0
    for block in blocks:
        if len(block) == 0:
            continue
        waveform = mono_waveform(block, num_samples)
        num_samples += len(waveform)
        for first in range(0, len(waveform), max_frames * hop):
            waiting = np.concatenate([waiting, waveform[first : first + max_frames * hop]])
            while (ready := min((len(waiting) - size) // hop + 1, max_frames)) > 0:
                yield extract(waiting[: (ready - 1) * hop + size], settings)
                num_frames += ready
                waiting = waiting[ready * hop :]
    if num_samples == 0:
        raise ValueError("The audio is empty; give at least one sample.")
    missing = settings.num_frames(num_samples) - num_frames
    if missing > 0:
        yield extract(np.pad(waiting, (0, (missing - 1) * hop + size - len(waiting))), settings)


Normalize = Callable[[Frames, int], Frames]
"""From frames `(frames, num_offsets * mels)` and the position of the first one to normalised frames."""


@dataclass(frozen=True)
class LongFeatures:
    """Features of a whole recording, as the network takes them, kept in a file.

    Args:
        store: The unnormalised features.
        normalize: Normalises them.
    """

    store: FrameStore
    normalize: Normalize

    @classmethod
    def compute(
        cls,
        blocks: Iterable[AudioArray],
        settings: LogMelSettings,
        store: FrameStore,
        *,
        max_frames: int,
        extract: Extract = log_mel_frames,
    ) -> "LongFeatures":
        """Compute the features and their statistics; see [`log_mel_blocks`]. The samples are read once."""
        statistics = {"speech": _SpeechStatistics, "utterance": _WholeStatistics, "none": _NoStatistics}
        gathered = statistics[settings.normalization](settings)
        count = 0
        for features in log_mel_blocks(blocks, settings, max_frames=max_frames, extract=extract):
            store.write(count, features)
            gathered.add(features)
            count += len(features)
        return cls(store, gathered.normalize(store, max_frames))

    def __len__(self) -> int:
        return len(self.store)

    def sounds(self, grid: int) -> npt.NDArray[np.bool_] | None:
        """Which frames `(frames,)` of a frame grid are no silence; `None` if the normalisation makes no silence."""
        if not isinstance(self.normalize, SpeechNormalizer):
            return None
        sounds: npt.NDArray[np.bool_] = self.normalize.presence[:, grid] > 0
        return sounds

    def read(self, start: int, stop: int) -> Frames:
        """Normalised frames from `start` to `stop`."""
        return self.normalize(self.store.read(start, stop), start)


class _NoStatistics:
    """Nothing, for features that are not normalised."""

    def __init__(self, settings: LogMelSettings) -> None:
        self.settings = settings

    def add(self, features: Frames) -> None:
        """Take in the next frames."""

    def normalize(self, store: FrameStore, max_frames: int) -> Normalize:
        """The function that normalises frames."""
        return lambda frames, _: frames


class _WholeStatistics(_NoStatistics):
    """Mean and variance of each bin over the recording."""

    def __init__(self, settings: LogMelSettings) -> None:
        super().__init__(settings)
        self.count = 0
        self.mean: npt.NDArray[np.float64] = np.zeros(settings.num_offsets * settings.feature_size)
        self.squares = np.zeros_like(self.mean)

    def add(self, features: Frames) -> None:
        """Take in the next frames."""
        # The parallel algorithm for variances: sums of squares of all frames would cancel.
        # Source: T. F. Chan, G. H. Golub, R. J. LeVeque, COMPSTAT 1982, equation 2.1.
        part = features.mean(axis=0, dtype=np.float64)
        squares = np.square(features - part).sum(axis=0)
        total = self.count + len(features)
        difference = part - self.mean
        self.squares += squares + np.square(difference) * (self.count * len(features) / total)
        self.mean += difference * (len(features) / total)
        self.count = total

    def normalize(self, store: FrameStore, max_frames: int) -> Normalize:
        """The function that normalises frames."""
        variance = self.squares / self.count
        return lambda frames, _: standardized(frames, self.mean, variance, self.count, self.settings)


class _SpeechStatistics(_NoStatistics):
    """Statistics of the speech around each frame: levels first, then weighted sums of the stored frames."""

    def __init__(self, settings: LogMelSettings) -> None:
        super().__init__(settings)
        self.levels: list[Frames] = []

    def add(self, features: Frames) -> None:
        """Take in the next frames."""
        self.levels.append(speech_levels(features, self.settings.feature_size))

    def normalize(self, store: FrameStore, max_frames: int) -> Normalize:
        """The function that normalises frames."""
        settings = self.settings
        weights = speech_weights(np.concatenate(self.levels), settings.frame_s)
        sums = SpeechSums(settings.feature_size, settings.frame_s)
        for start in range(0, len(weights), max_frames):
            part = weights[start : start + max_frames]
            sums.add(start, store.read(start, start + len(part)), part)
        return sums.normalizer(weights, settings.speech_prior)

"""Features of a recording that comes in blocks: the very frames of the whole, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.speech_statistics_bigru_ctc import speech_levels, speech_weights
from ..model.waveforms_bigru_ctc import AudioArray, mono_waveform
from .frame_store import Frames, FrameStore

__all__ = ["LongFeatures", "log_mel_blocks"]


def log_mel_blocks(
    extractor: BiGRUCTCFeatureExtractor, blocks: Iterable[AudioArray], *, max_frames: int
) -> Iterator[torch.Tensor]:
    """Unnormalised features of a recording, piece by piece; joined they are those of the whole.

    Args:
        extractor: Computes the features.
        blocks: The samples, in pieces of any lengths, each `(samples,)` or `(channels, samples)`.
        max_frames: Frames of a piece of the result at the most.

    Yields:
        `(frames, num_offsets * mels)`.

    Raises:
        ValueError: If there are no samples, or what the feature extractor raises.
    """
    hop, size = extractor.hop_length, extractor.span
    waiting = torch.zeros(extractor.num_before)
    num_samples = num_frames = 0
    for block in blocks:
        if len(block) == 0:
            continue
        waveform = torch.from_numpy(mono_waveform(block, num_samples))
        num_samples += len(waveform)
        waiting = torch.cat([waiting, waveform])
        while (ready := min((len(waiting) - size) // hop + 1, max_frames)) > 0:
            yield extractor.log_mel(waiting[: (ready - 1) * hop + size])
            num_frames += ready
            waiting = waiting[ready * hop :]
    if num_samples == 0:
        raise ValueError("The audio is empty; give at least one sample.")
    missing = extractor.num_frames(num_samples) - num_frames
    if missing > 0:
        yield extractor.log_mel(torch.nn.functional.pad(waiting, (0, (missing - 1) * hop + size - len(waiting))))


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
        extractor: BiGRUCTCFeatureExtractor,
        blocks: Iterable[AudioArray],
        store: FrameStore,
        *,
        max_frames: int,
    ) -> "LongFeatures":
        """Compute the features and their statistics; see [`log_mel_blocks`]. The samples are read once."""
        statistics = _SpeechStatistics if extractor.normalization == "speech" else _WholeStatistics
        gathered = statistics(extractor)
        count = 0
        for features in log_mel_blocks(extractor, blocks, max_frames=max_frames):
            store.write(count, features.numpy())
            gathered.add(features)
            count += len(features)
        return cls(store, gathered.normalize(store, max_frames))

    def __len__(self) -> int:
        return len(self.store)

    def read(self, start: int, stop: int) -> Frames:
        """Normalised frames from `start` to `stop`."""
        return self.normalize(self.store.read(start, stop), start)


class _WholeStatistics:
    """Mean and variance of each bin over the recording."""

    def __init__(self, extractor: BiGRUCTCFeatureExtractor) -> None:
        self.extractor = extractor
        self.count = 0
        self.mean = torch.zeros(extractor.num_offsets * extractor.feature_size, dtype=torch.float64)
        self.squares = torch.zeros_like(self.mean)

    def add(self, features: torch.Tensor) -> None:
        """Take in the next frames."""
        # The parallel algorithm for variances: sums of squares of all frames would cancel.
        # Source: T. F. Chan, G. H. Golub, R. J. LeVeque, COMPSTAT 1982, equation 2.1.
        variance, part = torch.var_mean(features.double(), dim=0, correction=0)
        total = self.count + len(features)
        difference = part - self.mean
        self.squares += variance * len(features) + difference.square() * (self.count * len(features) / total)
        self.mean += difference * (len(features) / total)
        self.count = total

    def normalize(self, store: FrameStore, max_frames: int) -> Normalize:
        """The function that normalises frames."""
        mean, variance = self.mean.float(), (self.squares / self.count).float()
        variance = self.extractor.with_prior(variance, self.count)
        return lambda frames, _: self.extractor.normalize(torch.from_numpy(frames), mean, variance).numpy()


class _SpeechStatistics:
    """Statistics of the speech around each frame: levels first, then weighted sums of the stored frames."""

    def __init__(self, extractor: BiGRUCTCFeatureExtractor) -> None:
        self.extractor = extractor
        self.levels: list[Frames] = []

    def add(self, features: torch.Tensor) -> None:
        """Take in the next frames."""
        self.levels.append(speech_levels(features.numpy(), self.extractor.feature_size))

    def normalize(self, store: FrameStore, max_frames: int) -> Normalize:
        """The function that normalises frames."""
        extractor = self.extractor
        weights = speech_weights(np.concatenate(self.levels), extractor.frame_s)
        sums = extractor.speech_sums()
        for start in range(0, len(weights), max_frames):
            part = weights[start : start + max_frames]
            sums.add(start, store.read(start, start + len(part)), part)
        return sums.normalizer(extractor.prior_frames, extractor.prior_std)

"""Features of a recording that comes in blocks: the very frames of the whole, in bounded memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
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


@dataclass(frozen=True)
class LongFeatures:
    """Features of a whole recording, as the network takes them, kept in a file.

    Args:
        store: The unnormalised features.
        extractor: Normalises them.
        mean: `(num_offsets * mels,)` mean of each bin over the recording.
        variance: `(num_offsets * mels,)` mean squared deviation from it, the extractor's prior counted in.
    """

    store: FrameStore
    extractor: BiGRUCTCFeatureExtractor
    mean: torch.Tensor
    variance: torch.Tensor

    @classmethod
    def compute(
        cls,
        extractor: BiGRUCTCFeatureExtractor,
        blocks: Iterable[AudioArray],
        store: FrameStore,
        *,
        max_frames: int,
    ) -> "LongFeatures":
        """Compute the features and their statistics in one pass over the samples; see [`log_mel_blocks`]."""
        count = 0
        mean = torch.zeros(extractor.num_offsets * extractor.feature_size, dtype=torch.float64)
        squares = torch.zeros_like(mean)
        for features in log_mel_blocks(extractor, blocks, max_frames=max_frames):
            store.write(count, features.numpy())
            # The parallel algorithm for variances: sums of squares of all frames would cancel.
            # Source: T. F. Chan, G. H. Golub, R. J. LeVeque, COMPSTAT 1982, equation 2.1.
            variance, part = torch.var_mean(features.double(), dim=0, correction=0)
            total = count + len(features)
            difference = part - mean
            squares += variance * len(features) + difference.square() * (count * len(features) / total)
            mean += difference * (len(features) / total)
            count = total
        return cls(store, extractor, mean.float(), extractor.with_prior((squares / count).float(), count))

    def __len__(self) -> int:
        return len(self.store)

    def read(self, start: int, stop: int) -> Frames:
        """Normalised frames from `start` to `stop`."""
        rows = torch.from_numpy(self.store.read(start, stop))
        normalised: Frames = self.extractor.normalize(rows, self.mean, self.variance).numpy()
        return normalised

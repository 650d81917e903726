"""Training batches of like seconds of audio instead of like numbers of utterances."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, Sampler

__all__ = ["DurationBatchSampler", "find_sampler"]

_GROUP = 50
"""Batches whose utterances are sorted together: as many as `LengthGroupedSampler` takes."""


class DurationBatchSampler(Sampler[list[int]]):
    """Draws batches of utterances of like length that have about the same seconds of audio together.

    Short utterances then come in large batches and long ones in small ones, and every step costs the same time and
    memory. Every utterance comes once an epoch. The number of batches is the same in every epoch, and the order
    depends on the seed and the epoch alone, so that a resumed run sees the batches of an uninterrupted one and
    processes share them out among themselves.

    Args:
        durations_s: Seconds of every utterance.
        batch_duration_s: Seconds of a batch, about: the epoch is cut into parts of equal length of at most that, each
            of which ends with the utterance that lies nearest. Shorter batches are made where the number of batches
            has to be a multiple of something.
        multiple_of: What the number of batches is a multiple of: the number of processes. As many batches in
            succession have utterances of like length.
        seed: Of the order.

    Raises:
        ValueError: If a batch could be without an utterance, because one is longer than a batch or because there are
            too few of them.
    """

    def __init__(
        self, durations_s: Sequence[float], batch_duration_s: float, *, multiple_of: int = 1, seed: int = 0
    ) -> None:
        self.durations_s = np.asarray(durations_s, dtype=np.float64)
        total_s = float(self.durations_s.sum())
        if not batch_duration_s > 0 or not total_s > 0:
            raise ValueError(
                f"A batch of {batch_duration_s:g} s, of {len(self.durations_s)} utterances that have {total_s:g} s "
                "together: both lengths must be positive."
            )
        self.num_batches = multiple_of * math.ceil(total_s / batch_duration_s / multiple_of)
        longest_s = float(self.durations_s.max())
        if longest_s > total_s / self.num_batches:
            raise ValueError(
                f"The longest utterance has {longest_s:.1f} s and {self.num_batches} batches of {total_s:.1f} s have "
                f"{total_s / self.num_batches:.1f} s each; ask for more than {batch_duration_s:g} s, leave out long "
                "utterances, or use more data."
            )
        self.multiple_of = multiple_of
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        """Lists of indices, one for each batch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        order = self._grouped(rng.permutation(len(self.durations_s)))
        durations_s = self.durations_s[order]
        # Where the middle of an utterance lies says which batch has it: none is longer than a batch, so none is empty.
        middles_s = np.cumsum(durations_s) - durations_s / 2
        batch_of = np.minimum(middles_s / durations_s.sum() * self.num_batches, self.num_batches - 1).astype(np.int64)
        batches = np.split(order, np.flatnonzero(np.diff(batch_of)) + 1)
        # What the processes take at the same time lies side by side here: they wait for the slowest of them.
        for first in rng.permutation(np.arange(0, len(batches), self.multiple_of)):
            for batch in batches[first : first + self.multiple_of]:
                yield batch.tolist()

    def _grouped(self, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Sort groups of the order by length, rising and falling in turns, so that no batch has both ends of two."""
        num_groups = max(1, self.num_batches // _GROUP)
        groups = [
            group[np.argsort(self.durations_s[group], kind="stable")] for group in np.array_split(order, num_groups)
        ]
        return np.concatenate([group if number % 2 else group[::-1] for number, group in enumerate(groups)])


def find_sampler(loader: DataLoader[Any] | None) -> Any:  # noqa: ANN401 - whatever the loader has
    """What draws the order of a loader, below the layers of accelerate: a batch sampler of ours, or else a sampler."""
    batch_sampler: Any = getattr(loader, "batch_sampler", None)
    while hasattr(batch_sampler, "batch_sampler"):
        batch_sampler = batch_sampler.batch_sampler
    if isinstance(batch_sampler, DurationBatchSampler):
        return batch_sampler
    return getattr(batch_sampler, "sampler", None)

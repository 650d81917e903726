"""Training batches of equal audio duration instead of equal numbers of utterances."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, Sampler

__all__ = ["DurationBatchSampler", "find_sampler"]

_GROUP = 50
"""Batches whose utterances are sorted together, as in the library's `LengthGroupedSampler`."""


class DurationBatchSampler(Sampler[list[int]]):
    """Draws batches of about equal audio duration from utterances of similar length.

    Short utterances come in large batches and long ones in small batches, so every step costs about the same time and
    memory. Every utterance comes once an epoch, and every epoch has the same number of batches. The order depends on
    the seed and the epoch alone: a resumed run sees the batches of an uninterrupted one, and all processes draw the
    same order.

    Args:
        durations_s: Seconds of every utterance.
        batch_duration_s: Upper bound of a batch's mean duration in seconds. The epoch's audio is divided into equal
            parts of at most this length; an utterance belongs to the part that holds its midpoint.
        multiple_of: The number of batches is a multiple of this, the number of processes. So many batches in
            succession have utterances of similar length.
        seed: Seed of the order.

    Raises:
        ValueError: If a batch could be empty: an utterance is longer than a batch, or there are too few utterances.
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
        """Set the epoch that comes next, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the utterance indices of each batch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        order = self._grouped(rng.permutation(len(self.durations_s)))
        durations_s = self.durations_s[order]
        # No utterance is longer than a part, so every part holds a midpoint and no batch is empty.
        middles_s = np.cumsum(durations_s) - durations_s / 2
        batch_of = np.minimum(middles_s / durations_s.sum() * self.num_batches, self.num_batches - 1).astype(np.int64)
        batches = np.split(order, np.flatnonzero(np.diff(batch_of)) + 1)
        # Batches of one step are neighbours here and alike in length: processes wait for the slowest of them.
        for first in rng.permutation(np.arange(0, len(batches), self.multiple_of)):
            for batch in batches[first : first + self.multiple_of]:
                yield batch.tolist()

    def _grouped(self, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Sort groups of the order by length, alternately rising and falling.

        So a batch across the border of two groups has utterances of similar length too.
        """
        num_groups = max(1, self.num_batches // _GROUP)
        groups = [
            group[np.argsort(self.durations_s[group], kind="stable")] for group in np.array_split(order, num_groups)
        ]
        return np.concatenate([group if number % 2 else group[::-1] for number, group in enumerate(groups)])


def find_sampler(loader: DataLoader[Any] | None) -> Any:  # noqa: ANN401 - whatever the loader has
    """The sampler that draws the order of a loader, unwrapped from accelerate.

    That is its [`DurationBatchSampler`], or else the sampler of its batch sampler.
    """
    batch_sampler: Any = getattr(loader, "batch_sampler", None)
    while hasattr(batch_sampler, "batch_sampler"):
        batch_sampler = batch_sampler.batch_sampler
    if isinstance(batch_sampler, DurationBatchSampler):
        return batch_sampler
    return getattr(batch_sampler, "sampler", None)

"""How several processes share out a stream: units to processes, utterances to batches, and what is left after a stop.

Nothing here communicates: every process computes the same of what all have told each other.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.streaming import RowRef, SourceCounts, StreamedRow, Unit

__all__ = ["Batch", "BatchSize", "Step", "StreamState", "cut", "deal", "deal_again", "loss_scales", "num_wanted"]

_OPEN_UNITS = 4
"""Units that a process reads in turns, so that a batch has utterances of several files."""

BatchSize = dict[int, tuple[int, float]]
"""Utterances and seconds of a batch by the number of their source; empty for a batch without utterances."""


@dataclass
class Batch:
    """What one process takes into a step.

    Args:
        refs: Its utterances; none where this process has no more data, and others have.
        examples: Their rows.
        size: Its numbers.
    """

    refs: list[RowRef] = field(default_factory=list)
    examples: list[dict[str, Any]] = field(default_factory=list)
    size: BatchSize = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[StreamedRow]) -> "Batch":
        """The batch of these rows."""
        size: BatchSize = {}
        for row in rows:
            number, seconds = size.get(row.ref[0], (0, 0.0))
            size[row.ref[0]] = (number + 1, seconds + row.verdict.duration_s)
        return cls([row.ref for row in rows], [row.example for row in rows], size)


@dataclass
class Step:
    """One forward and backward pass of all processes.

    Args:
        own: What this process takes into it.
        sizes: What every process does.
        loss_scale: Factor of this process's loss, see [`loss_scales`].
    """

    own: Batch
    sizes: list[BatchSize]
    loss_scale: float = 0.0


@dataclass
class StreamState:
    """Where an epoch stands, over all processes; what a checkpoint has, as JSON.

    Args:
        epoch: The epoch, from 0.
        round: Number of the next round of reading.
        is_done: Whether all of it was trained on.
        by_row_groups: What the units are made of.
        num_units: Units of the epoch.
        queue: Units that nobody reads yet, in their order.
        open_units: Of every process, the units that it has begun to read.
        steps: Of every step that is read and not yet trained on, the utterances of every process.
        counts: Of the epoch by source: trained on, left out.
        last_counts: The same of the last whole epoch.
        heard: Trained on in all epochs, by source.
    """

    epoch: int = 0
    round: int = 0
    is_done: bool = False
    by_row_groups: bool = False
    num_units: int = 0
    queue: list[Unit] = field(default_factory=list)
    open_units: list[list[Unit]] = field(default_factory=list)
    steps: list[list[list[RowRef]]] = field(default_factory=list)
    counts: list[SourceCounts] = field(default_factory=list)
    last_counts: list[SourceCounts] | None = None
    heard: list[SourceCounts] = field(default_factory=list)

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> "StreamState":
        """The state that was written as JSON.

        Raises:
            ValueError: If it is none.
        """
        try:
            state = cls(**values)
            state.queue = [Unit(*each) for each in state.queue]
            state.open_units = [[Unit(*each) for each in units] for units in state.open_units]
            state.steps = [
                [[(source, shard, row) for source, shard, row in refs] for refs in step] for step in state.steps
            ]
            for name in ("counts", "last_counts", "heard"):
                found: Any = getattr(state, name)
                setattr(state, name, None if found is None else [SourceCounts(**each) for each in found])
        except (TypeError, ValueError) as error:
            raise ValueError(f"The state of the stream has another form: {error}.") from error
        return state


def deal(queue: deque[Unit], num_wanted: Sequence[int], num_rows: Sequence[int]) -> list[list[Unit]]:
    """Take units from the queue for the processes that want some, one for each in turn.

    Args:
        queue: Units that nobody reads yet; those that are dealt out are removed.
        num_wanted: Units that each process wants.
        num_rows: Utterances that each process has; the one with the fewest is the first.
    """
    wanted = list(num_wanted)
    dealt: list[list[Unit]] = [[] for _ in wanted]
    order = sorted(range(len(wanted)), key=lambda process: (num_rows[process], process))
    while queue and any(wanted):
        for process in order:
            if queue and wanted[process]:
                dealt[process].append(queue.popleft())
                wanted[process] -= 1
    return dealt


def num_wanted(is_full: bool, queue_length: int, num_processes: int) -> int:
    """Units that a process wants: several to mix, and single ones near the end, so that it comes for all at once."""
    if is_full:
        return 0
    return _OPEN_UNITS if queue_length >= 2 * _OPEN_UNITS * num_processes else 1


def cut(
    durations_s: Sequence[float], num_batches: int, *, by_seconds: bool, by_length: bool, rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Divide utterances into batches, none of them empty.

    Args:
        durations_s: Their seconds.
        num_batches: Batches to make; with fewer utterances, one each.
        by_seconds: Whether the batches are alike in seconds, and not in utterances.
        by_length: Whether a batch has utterances of like length. The batches are then in the order of their length.
        rng: Draws the order.

    Returns:
        The numbers of the utterances of each batch.
    """
    num = len(durations_s)
    num_batches = min(num_batches, num)
    if num_batches == 0:
        return []
    order = rng.permutation(num)
    lengths = np.asarray(durations_s)[order]
    if by_length:
        by_rank = np.argsort(lengths, kind="stable")
        order, lengths = order[by_rank], lengths[by_rank]
    parts = np.arange(1, num_batches)
    if by_seconds:
        middles_s = np.cumsum(lengths) - lengths / 2
        borders = np.searchsorted(middles_s, lengths.sum() * parts / num_batches)
    else:
        borders = num * parts // num_batches
    # At least one utterance before every border, and one after it: first from the left, then from the right.
    borders = np.maximum.accumulate(np.maximum(borders - parts, 0)) + parts
    borders = np.minimum(borders, num - num_batches + parts)
    return np.split(order, borders)


def loss_scales(
    sizes: Sequence[Sequence[BatchSize]], process: int, *, num_accumulated: int, is_mean: bool
) -> list[float]:
    """Factors of the losses of one process, so that an optimizer step has the gradient of all its utterances at once.

    The gradient is averaged over processes and accumulated batches, whatever their sizes are. A process without data
    takes part with the factor 0.

    Args:
        sizes: Of every pass, those of all processes; a whole number of optimizer steps.
        process: The process.
        num_accumulated: Passes of an optimizer step.
        is_mean: Whether the loss of a batch is a mean over its utterances, and not their sum.
    """
    numbers = np.array([[sum(number for number, _ in size.values()) for size in step] for step in sizes], np.float64)
    num_averaged = num_accumulated * numbers.shape[1]
    if not is_mean:
        return [float(num_averaged * (number > 0)) for number in numbers[:, process]]
    totals = numbers.reshape(-1, num_averaged).sum(1).repeat(num_accumulated)
    return [float(each) for each in num_averaged * numbers[:, process] / np.maximum(totals, 1)]


def deal_again(state: StreamState, num_processes: int, num_accumulated: int) -> None:
    """Share out what is left of an epoch among another number of processes.

    Batches that were read stay as they are and are dealt in their order. Units that were begun are dealt anew, before
    those that were not.

    Args:
        state: Where the epoch stands; it is changed.
        num_processes: The processes that go on.
        num_accumulated: Passes of an optimizer step.
    """
    if len(state.open_units) == num_processes:
        return
    state.queue = [unit for units in state.open_units for unit in units] + state.queue
    state.open_units = [[] for _ in range(num_processes)]
    batches = [refs for step in state.steps for refs in step if refs]
    step_size = num_processes * num_accumulated
    batches += [[] for _ in range(-len(batches) % step_size)]
    state.steps = [batches[first : first + num_processes] for first in range(0, len(batches), num_processes)]

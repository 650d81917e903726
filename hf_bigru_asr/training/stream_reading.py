"""Rounds of reading: every process fills a buffer from its units, and all agree on the steps that follow."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch.distributed

from ..data.manifests.rows import BadRows, TooManyBadRowsError
from ..data.streaming import RowRef, SourceCounts, SpeechStream, StreamedRow, Unit
from .stream_plan import Batch, Step, StreamState, cut, deal, deal_again, loss_scales, num_wanted

__all__ = ["Exchange", "ReadingSettings", "StreamReader", "process_exchange"]

T = TypeVar("T")
Exchange = Callable[[Any], list[Any]]
"""Gives what every process passed to it, in their order; all of them call it."""


def process_exchange() -> Exchange:
    """Exchange between the processes of a distributed run, on the CPU; of one process without such a run."""
    if not torch.distributed.is_initialized() or torch.distributed.get_world_size() == 1:
        return lambda value: [value]
    # On a group of its own, so that it waits for no work on a GPU.
    group: Any = torch.distributed.new_group(backend="gloo")

    def exchange(value: Any) -> list[Any]:  # noqa: ANN401 - anything
        values: list[Any] = [None] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(values, value, group=group)
        return values

    return exchange


@dataclass(frozen=True)
class ReadingSettings:
    """How a stream becomes batches.

    Args:
        batch_size: Utterances of a batch.
        batch_seconds: Seconds of a batch instead; or `None`.
        buffer_size: Utterances that a process reads before it makes batches of them.
        num_accumulated: Passes of an optimizer step.
        by_length: Whether a batch has utterances of like length.
        is_mean: Whether the loss of a batch is a mean over its utterances.
        seed: Of the order.
    """

    batch_size: int
    batch_seconds: float | None = None
    buffer_size: int = 512
    num_accumulated: int = 1
    by_length: bool = True
    is_mean: bool = True
    seed: int = 0


class _OpenUnit:
    """A unit that is being read, and the row that is next."""

    def __init__(self, stream: SpeechStream, unit: Unit, by_row_groups: bool) -> None:
        self.unit = unit
        self._rows = stream.read(unit, by_row_groups)
        self._next: StreamedRow | None = None

    def has_row(self) -> bool:
        """Whether there is one more."""
        if self._next is None:
            self._next = next(self._rows, None)
        return self._next is not None

    def take_row(self) -> StreamedRow:
        """The next row, if there is one."""
        row, self._next = self._next, None
        if row is None:
            raise LookupError("There is no row; ask has_row first.")
        self.unit = self.unit._replace(next_row=row.ref[2] + 1)
        return row


class StreamReader:
    """The steps of one process through the epochs of a stream.

    Every utterance is in one step of an epoch, at one process. All processes take as many steps: in the last ones some
    of them can have no utterances. `exchange` is called by all processes at the same steps.

    Args:
        stream: What is read.
        settings: How it becomes batches.
        exchange: Between the processes.
        process: Number of this process.
        num_processes: Number of all.
    """

    def __init__(
        self,
        stream: SpeechStream,
        settings: ReadingSettings,
        exchange: Exchange | None = None,
        process: int = 0,
        num_processes: int = 1,
    ) -> None:
        self.stream = stream
        self.settings = settings
        self.process = process
        self.num_processes = num_processes
        self.state = StreamState(epoch=-1, is_done=True, heard=[SourceCounts() for _ in stream.names])
        self._exchange = exchange or process_exchange()
        self._queue: deque[Unit] = deque()
        self._open: deque[_OpenUnit] = deque()
        self._steps: deque[Step] = deque()
        self._num_given = 0
        self._is_read = False  # whether the units of the epoch have no more rows
        self._bad_rows = BadRows()  # names the first in the log

    def restore(self, state: StreamState) -> None:
        """Go on where an epoch stood, with any number of processes."""
        self.state = state

    def gather_state(self) -> StreamState:
        """Where the epoch stands; all processes call it together."""
        own = ([each.unit for each in self._open], [step.own.refs for step in self._steps])
        told = self._exchange(own)
        self.state.open_units = [units for units, _ in told]
        self.state.steps = [list(step) for step in zip(*(steps for _, steps in told), strict=True)]
        self.state.queue = list(self._queue)
        return self.state

    @property
    def epochs(self) -> float:
        """Epochs that were heard: of the one that goes on, the share of its units that were read and trained on."""
        if self.state.is_done:
            return float(self.state.epoch + 1)
        heard = sum(counts.num_utterances for counts in self.state.counts)
        waiting = sum(number for step in self._steps for size in step.sizes for number, _ in size.values())
        read = 1 - len(self._queue) / max(self.state.num_units, 1)
        return self.state.epoch + min(read * heard / max(heard + waiting, 1), 1 - 1e-6)

    def __iter__(self) -> Iterator[Step]:
        """The steps of the epoch that is next, or goes on.

        A step counts as trained on when [`StreamReader.finish_step`] is called, so steps can be taken ahead.

        Raises:
            ValueError: If no utterance can be used, more cannot than is allowed, or a file cannot be read by any of
                the processes.
        """
        is_new, num_given = self.state.is_done, 0
        if is_new:
            self._begin_epoch()
        else:
            self._go_on()
        while True:
            while self._num_given < len(self._steps):
                self._num_given += 1
                num_given += 1
                yield self._steps[self._num_given - 1]
            if not self._is_read and self._read_round():
                continue
            if num_given:
                if not self._steps and not self.state.is_done:  # its last rows were left out
                    self._finish_epoch()
                return
            if is_new:
                reports = (f"{name}: {each.report()}" for name, each in self._named_counts())
                raise ValueError(f"No utterance of the stream can be used. {'; '.join(reports)}.")
            self._finish_epoch()  # which was stopped after its last step
            self._begin_epoch()
            is_new = True

    def finish_step(self) -> None:
        """Count the oldest step that was given as trained on."""
        step = self._steps.popleft()
        self._num_given -= 1
        for size in step.sizes:
            for source, (number, seconds) in size.items():
                for counts in (self.state.counts[source], self.state.heard[source]):
                    counts.num_utterances += number
                    counts.seconds += seconds
        if self._is_read and not self._steps:
            self._finish_epoch()

    def _finish_epoch(self) -> None:
        """Count the epoch as whole, when its last step is trained on."""
        self.state.is_done = True
        self.state.last_counts = self.state.counts

    def _begin_epoch(self) -> None:
        self._is_read = False
        units, by_row_groups = self._together(lambda: self.stream.units(self.num_processes))[self.process]
        epoch = self.state.epoch + 1
        rng = np.random.default_rng((self.settings.seed, epoch))
        self._queue = deque(units[each] for each in rng.permutation(len(units)))
        self.state = StreamState(
            epoch=epoch,
            by_row_groups=by_row_groups,
            num_units=len(units),
            counts=self.stream.new_counts(),
            last_counts=self.state.last_counts,
            heard=self.state.heard,
        )

    def _go_on(self) -> None:
        """Take up what was restored."""
        state = self.state
        deal_again(state, self.num_processes, self.settings.num_accumulated)
        self._is_read = not state.queue and not any(state.open_units)
        self._queue = deque(state.queue)
        self._open = deque(self._opened(unit) for unit in state.open_units[self.process])
        own = [step[self.process] for step in state.steps]
        rows: dict[RowRef, StreamedRow] = {}
        self._together(lambda: rows.update(self._load({ref for refs in own for ref in refs})))
        self._add_steps([Batch.of([rows[ref] for ref in refs]) for refs in own])

    def _load(self, refs: set[RowRef]) -> dict[RowRef, StreamedRow]:
        """The rows of utterances that were read before the stop, and not trained on."""
        found: dict[RowRef, StreamedRow] = {}
        for source, shard in sorted({ref[:2] for ref in refs}):
            wanted = {ref for ref in refs if ref[:2] == (source, shard)}
            unit = Unit(source, shard, next_row=min(wanted)[2])
            for row in self.stream.read(unit, self.state.by_row_groups):
                if row.ref in wanted and row.is_kept:
                    found[row.ref] = row
                if row.ref >= max(wanted):
                    break
            if missing := wanted - found.keys():
                raise ValueError(
                    f"Row {min(missing)[2]} of shard {shard} of {self.stream.names[source]} is no longer there, or "
                    "can no longer be used. Go on with the data that the run began with, or give another --output_dir."
                )
        return found

    def _opened(self, unit: Unit) -> _OpenUnit:
        return _OpenUnit(self.stream, unit, self.state.by_row_groups)

    def _read_round(self) -> bool:
        """Read a buffer of utterances and make steps of them; false at the end of the epoch."""
        rows = self._read_rows()
        durations_s = [row.verdict.duration_s for row in rows]
        settings = self.settings
        num_batches = math.ceil(len(rows) / settings.batch_size)
        if settings.batch_seconds is not None:
            num_batches = min(len(rows), math.ceil(sum(durations_s) / settings.batch_seconds))
        num_steps = max(self._exchange(num_batches))
        if num_steps == 0:
            return False
        num_steps += -num_steps % settings.num_accumulated
        seeds = (settings.seed, self.state.epoch, self.state.round)
        parts = cut(
            durations_s,
            num_steps,
            by_seconds=settings.batch_seconds is not None,
            by_length=settings.by_length,
            rng=np.random.default_rng((*seeds, self.process)),
        )
        batches = [Batch() for _ in range(num_steps)]
        for number, part in enumerate(parts):
            batches[number * num_steps // len(parts)] = Batch.of([rows[each] for each in part])
        # Batches of one step are alike in length: processes wait for the slowest of them.
        order = np.random.default_rng((*seeds, self.num_processes)).permutation(num_steps)
        self.state.round += 1
        self._add_steps([batches[each] for each in order])
        return True

    def _add_steps(self, batches: list[Batch]) -> None:
        sizes = [list(each) for each in zip(*self._exchange([batch.size for batch in batches]), strict=True)]
        if not sizes:
            return
        scales = loss_scales(
            sizes, self.process, num_accumulated=self.settings.num_accumulated, is_mean=self.settings.is_mean
        )
        self._steps.extend(Step(*each) for each in zip(batches, sizes, scales, strict=True))

    def _read_rows(self) -> list[StreamedRow]:
        """A buffer of utterances, or all that is left for this process."""
        rows: list[StreamedRow] = []

        def read() -> tuple[int, int, bool, list[SourceCounts]]:
            counts = self._fill(rows)
            is_full = len(rows) >= self.settings.buffer_size
            return num_wanted(is_full, len(self._queue), self.num_processes), len(rows), bool(self._open), counts

        while True:
            wanted, num_rows, are_open, counts = zip(*self._together(read), strict=True)
            for of_process in counts:
                for total, more in zip(self.state.counts, of_process, strict=True):
                    total.add(more)
            self._is_read = not self._queue and not any(are_open)
            self._check_bad_rows()
            if not self._queue or not any(wanted):
                return rows
            dealt = deal(self._queue, wanted, num_rows)
            self._open.extend(self._opened(unit) for unit in dealt[self.process])

    def _fill(self, rows: list[StreamedRow]) -> list[SourceCounts]:
        """Read from the open units in turns until there are enough rows, and count what is left out."""
        counts = [SourceCounts() for _ in self.stream.names]
        while self._open and len(rows) < self.settings.buffer_size:
            unit = self._open.popleft()
            if not unit.has_row():
                continue
            row = unit.take_row()
            self._open.append(unit)
            counts[row.ref[0]].add_row(row)
            if row.is_kept:
                rows.append(row)
            elif row.verdict.detail is not None:
                name = row.example.get("id", f"row {row.ref[2]} of shard {row.ref[1]}")
                where = f"Utterance {name!r} of {self.stream.names[row.ref[0]]}"
                self._bad_rows.add(str(row.verdict.reason), where, row.verdict.detail)
        self._open = deque(unit for unit in self._open if unit.has_row())
        return counts

    def _together(self, work: Callable[[], T]) -> list[T]:
        """What `work` gives in every process. An error of one ends all, so that none of them waits for ever."""
        value: T | None = None
        error: Exception | None = None
        try:
            value = work()
        except (ValueError, OSError) as caught:
            error = caught
        told = self._exchange((None if error is None else str(error), value))
        if error is not None:
            raise error
        for process, (message, _) in enumerate(told):
            if message is not None:
                raise ValueError(f"Process {process} of {self.num_processes} cannot go on: {message}")
        return [each for _, each in told]

    def _named_counts(self) -> list[tuple[str, SourceCounts]]:
        return list(zip(self.stream.names, self.state.counts, strict=True))

    def _check_bad_rows(self) -> None:
        """Refuse more bad rows than are allowed; a share of them when all rows are known."""
        for (name, counts), bad in zip(self._named_counts(), self.stream.bad_rows, strict=True):
            if bad.limit is None or (0 < bad.limit < 1 and not self._is_read):
                continue
            if counts.num_bad > (bad.limit if bad.limit >= 1 else bad.limit * counts.num_read):
                raise TooManyBadRowsError(_refusal(name, counts, bad.limit))


def _refusal(name: str, counts: SourceCounts, limit: float) -> str:
    return (
        f"{counts.num_bad} of {counts.num_read} rows of {name} cannot be used; max_bad_rows allows {limit:g}. The log "
        "names the first ones. Mend them, or allow more."
    )

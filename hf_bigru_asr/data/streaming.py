"""Training data that are read while they are used, in units that several processes share out among themselves."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from datasets import Dataset, IterableDataset

from .filtering import FilterReport, UtteranceRules, Verdict
from .manifests.rows import BadRows
from .utterances import utterance_source

__all__ = ["RowRef", "SourceCounts", "SpeechStream", "StreamedRow", "Unit"]

FILES_PER_PROCESS = 4
"""With fewer files than so many for each process, row groups are dealt out: the last files would keep few busy."""
ROWS_PER_UNIT = 100
"""Rows of a unit where rows lie in memory, as many as `datasets` puts into a row group of audio."""

RowRef = tuple[int, int, int]
"""Source, shard in it, and row in that: an utterance of a stream."""


class Unit(NamedTuple):
    """What one process reads: a file, a row group, or every n-th row of one of these.

    Args:
        source: Number of the data set.
        shard: Number of the file or row group in it.
        part: The rows whose number has this remainder,
        num_parts: divided by this.
        next_row: The first row that is still to be read.
    """

    source: int
    shard: int
    part: int = 0
    num_parts: int = 1
    next_row: int = 0


class StreamedRow(NamedTuple):
    """A row that was read, and whether it is kept."""

    ref: RowRef
    example: dict[str, Any]
    verdict: Verdict

    @property
    def is_kept(self) -> bool:
        """Whether it can be trained on."""
        return self.verdict.reason is None


@dataclass
class SourceCounts:
    """Utterances of one source.

    Args:
        num_utterances: Those that were trained on.
        seconds: Their audio.
        num_rejected: Those that were left out, by reason.
        num_read: Rows that were read.
        num_bad: Those among them whose audio or text cannot be used.
    """

    num_utterances: int = 0
    seconds: float = 0.0
    num_rejected: dict[str, int] = field(default_factory=dict)
    num_read: int = 0
    num_bad: int = 0

    def add(self, other: "SourceCounts") -> None:
        """Add the counts of another process."""
        self.num_utterances += other.num_utterances
        self.seconds += other.seconds
        self.num_read += other.num_read
        self.num_bad += other.num_bad
        for reason, count in other.num_rejected.items():
            self.num_rejected[reason] = self.num_rejected.get(reason, 0) + count

    def add_row(self, row: StreamedRow) -> None:
        """Count a row that was read; what is kept counts when it is trained on."""
        self.num_read += 1
        self.num_bad += row.verdict.detail is not None
        if row.verdict.reason is not None:
            self.num_rejected[row.verdict.reason] = self.num_rejected.get(row.verdict.reason, 0) + 1

    def report(self) -> FilterReport:
        """As of a data set that was filtered before training."""
        return FilterReport(self.num_utterances, self.seconds / 3600, dict(self.num_rejected))


class SpeechStream:
    """Training utterances of one or several sources, filtered while they are read.

    It has no length: what can be used is known when it has been read. Pass it to [`CTCTrainer`] as `train_dataset`,
    with `max_steps`.

    Args:
        sources: Data sets with encoded audio, by name. A `Dataset`, whose rows lie in memory or on the disk, is taken
            in pieces of 100 rows.
        rules: What is left out.
        bad_rows: Of each source, the bad rows of its manifest, and how many may be bad.

    Raises:
        ValueError: If there is no source, or a data set without a shard.
    """

    def __init__(
        self,
        sources: dict[str, Dataset | IterableDataset],
        rules: UtteranceRules,
        bad_rows: Sequence[BadRows] = (),
    ) -> None:
        if not sources:
            raise ValueError("A stream has no source; give at least one data set.")
        self.names = list(sources)
        self.rules = rules
        self.bad_rows = list(bad_rows) or [BadRows() for _ in sources]
        self._files = [_as_stream(source) for source in sources.values()]
        self._row_groups: list[IterableDataset] | None = None
        for name, stream in zip(self.names, self._files, strict=True):
            if stream.num_shards < 1:
                raise ValueError(f"{name} has no shard to stream from: no file, or no rows.")

    @property
    def num_shards(self) -> list[int]:
        """Files of every source; of rows in memory the pieces."""
        return [stream.num_shards for stream in self._files]

    def new_counts(self) -> list[SourceCounts]:
        """Counts of an epoch that begins: the bad rows of manifests alone, which are known."""
        return [
            SourceCounts(num_rejected=dict(bad.counts), num_read=bad.num_bad, num_bad=bad.num_bad)
            for bad in self.bad_rows
        ]

    def units(self, num_processes: int) -> tuple[list[Unit], bool]:
        """The units of an epoch, at least as many as there are processes, and whether they are of row groups.

        Row groups are taken where there are few files; what all of them are is read from the end of every file. Where
        there are still too few, every unit is read by several processes, each of which keeps its share of the rows.

        Args:
            num_processes: Processes that share them out.
        """
        by_row_groups = sum(self.num_shards) < FILES_PER_PROCESS * num_processes
        shards = self._shards(by_row_groups)
        total = sum(stream.num_shards for stream in shards)
        num_parts = -(-num_processes // total)
        units = [
            Unit(source, shard, part, num_parts)
            for source, stream in enumerate(shards)
            for shard in range(stream.num_shards)
            for part in range(num_parts)
        ]
        return units, by_row_groups

    def read(self, unit: Unit, by_row_groups: bool) -> Iterator[StreamedRow]:
        """The rows of a unit from the first that is still to be read, those among them that are left out.

        Args:
            unit: The unit.
            by_row_groups: Whether its shard is a row group; as `units` said.

        Raises:
            ValueError: If its file cannot be read.
        """
        stream = self._shards(by_row_groups)[unit.source]
        index = 0
        try:
            for index, example in enumerate(stream.shard(num_shards=stream.num_shards, index=unit.shard)):
                if index >= unit.next_row and index % unit.num_parts == unit.part:
                    ref = (unit.source, unit.shard, index)
                    yield StreamedRow(ref, example | {"index": _number(ref)}, self.rules.judge(example))
        except (pa.ArrowException, OSError) as error:
            kind = "Row group" if by_row_groups else "File"
            raise ValueError(
                f"{kind} {unit.shard} of {stream.num_shards} of {self.names[unit.source]} cannot be read after row "
                f"{index}: {error}. Download or make it again."
            ) from error

    def digest(self) -> str:
        """SHA-256 of what can be known without reading: number of files, and first row of the first and the last."""
        digest = hashlib.sha256()
        text = self.rules.text_column
        for stream in self._files:
            digest.update(json.dumps([stream.num_shards, sorted(stream.column_names or [])]).encode())
            for shard in sorted({0, stream.num_shards - 1}):
                for row in stream.shard(num_shards=stream.num_shards, index=shard).take(1):
                    digest.update(json.dumps(row.get(text)).encode())
                    source = utterance_source(row[self.rules.audio_column], 1)
                    if isinstance(source, str | Path):
                        source = Path(source).read_bytes()
                    digest.update(source if isinstance(source, bytes) else source.tobytes())
        return digest.hexdigest()

    def _shards(self, by_row_groups: bool) -> list[IterableDataset]:
        if not by_row_groups:
            return self._files
        if self._row_groups is None:
            self._row_groups = [stream.reshard() for stream in self._files]
        return self._row_groups


def _as_stream(source: Dataset | IterableDataset) -> IterableDataset:
    if isinstance(source, IterableDataset):
        return source
    return source.to_iterable_dataset(num_shards=max(1, -(-len(source) // ROWS_PER_UNIT)))


def _number(ref: RowRef) -> int:
    """A number for the augmentation of an utterance, the same whoever reads it."""
    source, shard, row = ref
    return (source << 56) + (shard << 32) + row

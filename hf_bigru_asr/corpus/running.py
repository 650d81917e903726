"""A corpus from its list of recordings to Parquet files, from where the run before has ended."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..storage.locks import folder_lock
from ..storage.writing import write_json
from .cluster import ClusterError, LoadRecognizer, ray_cluster, recognized
from .parts import RECORD_NAME, Part, check_settings, done_parts, plan_parts, write_part
from .recordings import Opener, Recording

__all__ = ["CorpusReport", "transcribe_corpus"]

PART_SIZE = 1000


@dataclass(frozen=True)
class CorpusReport:
    """What the results hold when a run has ended.

    Args:
        num_recordings: Rows.
        num_before: Those of earlier runs.
        num_errors: Rows with an error instead of a text.
        hours: Hours of audio.
    """

    num_recordings: int
    num_before: int
    num_errors: int
    hours: float


def transcribe_corpus(
    recordings: Sequence[Recording],
    folder: str | Path,
    load: LoadRecognizer,
    *,
    opener: Opener | None = None,
    settings: Mapping[str, Any] | None = None,
    address: str | None = None,
    num_workers: int | None = None,
    part_size: int = PART_SIZE,
    on_part: Callable[[int, float], None] = lambda num_recordings, duration_s: None,
) -> CorpusReport:
    """Write a row for every recording to Parquet files in a folder, each file whole or not at all.

    Recordings that have a row already are left out, so that the same call goes on after whatever ended the one before.
    A recording that cannot be used is a row with an error. Processes of the cluster send rows to this one, which alone
    writes.

    Args:
        recordings: What to transcribe.
        folder: Where the files go.
        load: Loads the recogniser in a process of the cluster.
        opener: Opens recordings there.
        settings: What decides about the rows, in JSON. A folder holds rows of the same settings alone.
        address: As in [`ray_cluster`][hf_bigru_asr.corpus.cluster.ray_cluster].
        num_workers: The same.
        part_size: Rows of a file.
        on_part: Called with number and seconds of the recordings whenever a file is written.

    Returns:
        What the folder holds.

    Raises:
        ClusterError: If the cluster ends, or cannot be reached.
        FolderInUseError: If another run has the folder.
        ImportError: If the extra `cluster` is not installed.
        ValueError: If the folder holds rows of other settings, or `part_size` is not positive.
        OSError: If the disk takes no more.
    """
    if part_size < 1:
        raise ValueError(f"part_size is {part_size}; it must be at least 1.")
    target = Path(folder)
    with folder_lock(target):
        check_settings(target, settings or {})
        done = done_parts(target)
        num_before = len(done.keys)
        parts = list(plan_parts(recordings, done, part_size))
        if parts:
            with ray_cluster(address, num_workers) as num_processes:
                for part, rows in _finished(parts, load, opener or Opener(), num_processes):
                    table = write_part(target, part, rows)
                    done.add(table)
                    on_part(len(table), sum(table.column("duration_s").to_pylist()))
        report = CorpusReport(len(done.keys), num_before, done.num_errors, done.hours)
        counts = {name: value for name, value in asdict(report).items() if name != "num_before"}
        write_json(target / RECORD_NAME, {"settings": dict(settings or {})} | counts)
    return report


def _finished(
    parts: Sequence[Part], load: LoadRecognizer, opener: Opener, num_workers: int
) -> Iterator[tuple[Part, pa.Table]]:
    """Parts with all their rows, as soon as the last one has come."""
    units = [(number, unit) for number, part in enumerate(parts) for unit in part.units()]
    recordings = ([parts[number].recordings[position] for position in unit] for number, unit in units)
    waiting: dict[int, list[pa.Table]] = {}
    taken: set[int] = set()
    with closing(recognized(recordings, load, opener, num_workers)) as found:
        for number, rows in found:
            if number in taken:  # what is given out once more could come twice
                continue
            taken.add(number)
            part_number = units[number][0]
            tables = waiting.setdefault(part_number, [])
            tables.append(rows)
            if sum(map(len, tables)) == len(parts[part_number].recordings):
                yield parts[part_number], pa.concat_tables(waiting.pop(part_number))
    if len(taken) < len(units):
        raise ClusterError("The cluster has ended without all rows; run the command again to go on")

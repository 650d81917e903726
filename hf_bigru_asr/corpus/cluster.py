"""Recognition on the processes of a Ray cluster: Ray Data hands out recordings, again where a process ends."""

import logging
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..extras import needs_extra
from ..formats.transcript import TimedTranscript
from .parts import SCHEMA, row_of
from .recordings import Opener, Recording

__all__ = ["ClusterError", "LoadRecognizer", "RecognizeAll", "ray_cluster", "recognized"]

RecognizeAll = Callable[[Sequence[Recording], Opener], Iterable[TimedTranscript]]
"""Transcripts of some recordings in their order, with an error where one cannot be used."""
LoadRecognizer = Callable[[], RecognizeAll]
"""Loads the model in a process of the cluster. It is pickled."""

OBJECT_STORE_BYTES = 200_000_000
"""Memory for what is under way on a machine of its own: names and transcripts, no audio."""
IN_FLIGHT = 2
"""Units that a process has at once: one that it works on, and one that waits."""

_UNIT = pa.schema(
    [
        ("unit", pa.int64()),
        ("id", pa.binary()),
        ("location", pa.binary()),
        ("row", pa.int64()),
        ("num_bytes", pa.int64()),
    ]
)


class ClusterError(RuntimeError):
    """The cluster has ended, or a process of it cannot work. What was finished before is kept."""


def unit_table(unit: int, recordings: Sequence[Recording]) -> pa.Table:
    """Recordings on their way to a process, with the number of their unit."""
    rows = [
        {
            "unit": unit,
            "id": os.fsencode(each.id),
            "location": None if each.location is None else os.fsencode(each.location),
            "row": each.row,
            "num_bytes": each.num_bytes,
        }
        for each in recordings
    ]
    return pa.Table.from_pylist(rows, schema=_UNIT)


def recordings_of(unit: pa.Table) -> list[Recording]:
    """The recordings of [`unit_table`]."""
    return [
        Recording(
            os.fsdecode(row["id"]),
            None if row["location"] is None else os.fsdecode(row["location"]),
            row["row"],
            row["num_bytes"],
        )
        for row in unit.to_pylist()
    ]


class Worker:
    """A process of the cluster: it loads the model once.

    Args:
        load: Loads it.
        opener: Opens recordings.
    """

    def __init__(self, load: LoadRecognizer, opener: Opener) -> None:
        self._recognize, self._opener = load(), opener

    def __call__(self, unit: pa.Table) -> pa.Table:
        """Rows for a unit, with its number."""
        recordings = recordings_of(unit)
        transcripts = self._recognize(recordings, self._opener)
        rows = [row_of(each, found) for each, found in zip(recordings, transcripts, strict=True)]
        return pa.Table.from_pylist(rows, schema=SCHEMA).append_column("unit", unit.column("unit"))


def _ray() -> Any:  # noqa: ANN401 - an extra
    # Read when ray is imported, or a cluster starts: no reports to its maker, and no lines that users cannot act on.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(needs_extra("Transcribing a corpus", "cluster")) from error
    return ray


@contextmanager
def ray_cluster(address: str | None, num_workers: int | None) -> Iterator[int]:
    """Join a cluster, or start one on this machine, while the body runs.

    Args:
        address: Of its head, `HOST:PORT`, or `"auto"` for the one that runs here; `None` starts one.
        num_workers: Processes that recognise; one for each processor core of the cluster if `None`.

    Yields:
        The number of processes.

    Raises:
        ClusterError: If there is no cluster at the address.
        ImportError: If the extra `cluster` is not installed.
    """
    ray = _ray()
    own: dict[str, Any] = {
        "num_cpus": num_workers or available_cores(),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    # Ray takes SIGTERM for itself.
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error", **({} if address else own))
    except ConnectionError as error:
        raise ClusterError(f"There is no Ray cluster at {address}: {error}") from error
    finally:
        signal.signal(signal.SIGTERM, handler)
    try:
        yield num_workers or max(int(ray.cluster_resources().get("CPU", 1)), 1)
    finally:
        ray.shutdown()


def available_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def recognized(
    units: Iterable[Sequence[Recording]],
    load: LoadRecognizer,
    opener: Opener,
    num_workers: int,
) -> Generator[tuple[int, pa.Table]]:
    """Rows of recordings, from the processes of the cluster that is joined, in the order in which they are ready.

    A process that ends is started again and its recordings are given out once more; so are those of a machine.

    Args:
        units: Recordings that go to a process together.
        load: Loads the model.
        opener: Opens recordings.
        num_workers: Processes that recognise.

    Yields:
        Number of a unit from 0, and its rows in `SCHEMA`.

    Raises:
        ClusterError: If the cluster ends, or the recogniser raises anything.
    """
    ray = _ray()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    tables = [unit_table(number, recordings) for number, recordings in enumerate(units)]
    num_actors = min(num_workers, len(tables))
    rows = ray.data.from_arrow(tables).map_batches(
        Worker,
        fn_constructor_args=(load, opener),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=num_actors, max_tasks_in_flight_per_actor=IN_FLIGHT),
    )
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        for block in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for number in dict.fromkeys(block.column("unit").to_pylist()):
                yield number, block.filter(pc.equal(block.column("unit"), number))
    except ray.exceptions.RayError as error:
        raise ClusterError(_said(error)) from error


def _said(error: Exception) -> str:
    """The last line of an error with the traceback of another process."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__

"""Several processes of a streamed run as threads, and small data sets in files of unequal size."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from speech_rows import flac, make_waveform

TIMEOUT_S = 60
_TEXTS = ["HELLO", "IT'S ME", "A", "NO MORE", "TOO", "BAT"]


class Crowd:
    """Lets threads exchange values as processes do; a thread that never comes is an error, not a hang.

    Args:
        num: How many there are.
    """

    def __init__(self, num: int) -> None:
        self.num = num
        self.num_exchanges = 0
        self._barrier = threading.Barrier(num, timeout=TIMEOUT_S)
        self._values: list[Any] = [None] * num

    def exchange_of(self, process: int) -> Callable[[Any], list[Any]]:
        """As `process_exchange` gives it to a process."""

        def exchange(value: object) -> list[Any]:
            self._values[process] = value
            self._barrier.wait()
            values = list(self._values)
            self.num_exchanges += process == 0
            self._barrier.wait()
            return values

        return exchange

    def run(self, work: Callable[[int], Any]) -> list[Any]:
        """What `work` gives in each of them; the first error in their order is raised, unless it is a broken wait."""
        results: list[Any] = [None] * self.num
        errors: list[Exception | None] = [None] * self.num

        def run_one(process: int) -> None:
            try:
                results[process] = work(process)
            except Exception as error:
                errors[process] = error
                self._barrier.abort()

        threads = [threading.Thread(target=run_one, args=[process]) for process in range(self.num)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT_S)
        found = [error for error in errors if error is not None]
        found.sort(key=lambda error: isinstance(error, threading.BrokenBarrierError))
        if found:
            raise found[0]
        return results


def write_shards(folder: Path, sizes: Sequence[int], rows_per_group: int = 100, split: str = "train") -> Path:
    """Parquet files with so many utterances each; their ids are 0, 1, 2, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    first = 0
    for number, size in enumerate(sizes):
        rows = [
            {
                "id": str(first + row),
                "audio": {"bytes": _sound(first + row), "path": f"{first + row}.flac"},
                "text": _TEXTS[(first + row) % len(_TEXTS)],
            }
            for row in range(size)
        ]
        name = f"{split}-{number:05d}-of-{len(sizes):05d}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), folder / name, row_group_size=rows_per_group)
        first += size
    return folder


def _sound(number: int) -> bytes:
    return flac(make_waveform(number % 8, 4800 + 160 * (number % 7)))

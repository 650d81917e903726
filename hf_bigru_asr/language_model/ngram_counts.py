"""Counts of n-grams of a text of any length, in memory that does not grow with it.

An n-gram is one number of 64 bits: its words' numbers side by side, the first word on top. Blocks of the text are
sorted and counted; the sorted blocks go to files, which are merged in pieces.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Keys", "SortedRuns", "Table", "merge_runs", "sum_by_key"]

Keys: TypeAlias = npt.NDArray[np.uint64]
Columns: TypeAlias = npt.NDArray[np.int64]
"""`(rows, columns)` of counts that are summed where keys are equal."""


def sum_by_key(keys: Keys, values: Columns) -> tuple[Keys, Columns]:
    """Distinct keys in order, and the sums of their values.

    Args:
        keys: `(rows,)` in any order.
        values: `(rows, columns)`.
    """
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    return keys[first], np.add.reduceat(values, first, axis=0) if len(first) else values


class Table:
    """Keys in order with columns of counts, in two files that are read in pieces.

    Args:
        path: Where the files go; `.keys` and `.values` are added.
        num_columns: Columns of counts.
    """

    def __init__(self, path: Path, num_columns: int) -> None:
        self.path, self.num_columns, self.num_rows = path, num_columns, 0
        self._files = [open(f"{path}{suffix}", "wb") for suffix in (".keys", ".values")]  # noqa: SIM115 - see close

    def append(self, keys: Keys, values: Columns) -> None:
        """Add rows whose keys come after those that are there."""
        keys.tofile(self._files[0])
        np.ascontiguousarray(values).tofile(self._files[1])
        self.num_rows += len(keys)

    def close(self) -> "Table":
        """End the writing."""
        for file in self._files:
            file.close()
        return self

    def keys(self) -> Keys:
        """All keys, which stay in their file until they are used."""
        if self.num_rows == 0:
            return np.empty(0, np.uint64)
        return np.memmap(f"{self.path}.keys", np.uint64, "r", shape=(self.num_rows,))

    def read(self, start: int, stop: int) -> tuple[Keys, Columns]:
        """Some rows."""
        count = max(min(stop, self.num_rows) - start, 0)
        keys = np.fromfile(f"{self.path}.keys", np.uint64, count, offset=8 * start)
        width = 8 * self.num_columns
        values = np.fromfile(f"{self.path}.values", np.int64, count * self.num_columns, offset=width * start)
        return keys, values.reshape(-1, self.num_columns)

    def blocks(self, num_rows: int) -> Iterator[tuple[Keys, Columns]]:
        """All rows in pieces."""
        for start in range(0, self.num_rows, num_rows):
            yield self.read(start, start + num_rows)

    def blocks_by(self, num_rows: int, shift: int) -> Iterator[tuple[int, Keys, Columns]]:
        """All rows in pieces that end where the key without its last `shift` bits changes; and where each begins."""
        start = 0
        while start < self.num_rows:
            size = num_rows
            while True:
                keys, values = self.read(start, start + size)
                if start + len(keys) == self.num_rows:
                    break
                heads = keys >> np.uint64(shift)
                change = int(np.searchsorted(heads, heads[-1]))  # the first row of the last context
                if change > 0:
                    keys, values = keys[:change], values[:change]
                    break
                size *= 2
            yield start, keys, values
            start += len(keys)

    def remove(self) -> None:
        """Delete the files."""
        for suffix in (".keys", ".values"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)


class SortedRuns:
    """Gathers keys with counts in blocks, and writes each block in order.

    Args:
        folder: For the files.
        name: Of the files.
        num_columns: Columns of counts.
        max_rows: Rows of a block in memory.
    """

    def __init__(self, folder: Path, name: str, num_columns: int, max_rows: int) -> None:
        self._folder, self._name, self._num_columns, self._max_rows = folder, name, num_columns, max_rows
        self._keys: list[Keys] = []
        self._values: list[Columns] = []
        self._num_waiting = 0
        self.runs: list[Table] = []

    def add(self, keys: Keys, values: Columns) -> None:
        """Add rows in any order."""
        self._keys.append(keys)
        self._values.append(values)
        self._num_waiting += len(keys)
        if self._num_waiting >= self._max_rows:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._num_waiting:
            table = Table(self._folder / f"{self._name}-{len(self.runs)}", self._num_columns)
            table.append(*sum_by_key(np.concatenate(self._keys), np.concatenate(self._values)))
            self.runs.append(table.close())
        self._keys, self._values, self._num_waiting = [], [], 0

    def merged(self, block_rows: int) -> Table:
        """One table of all rows; the runs are deleted."""
        self.flush()
        table = Table(self._folder / self._name, self._num_columns)
        merge_runs(self.runs, table.append, max(block_rows // max(len(self.runs), 1), 1000))
        for run in self.runs:
            run.remove()
        return table.close()


def merge_runs(runs: Iterable[Table], write: Callable[[Keys, Columns], object], block_rows: int) -> None:
    """Merge tables in order, and sum the counts of equal keys.

    Args:
        runs: Tables.
        write: Gets keys in order, without repetition, and their counts.
        block_rows: Rows of each table in memory.
    """
    places: list[list[Any]] = [[run, 0, *run.read(0, block_rows)] for run in runs]
    while places:
        # All keys up to the smallest last one of the blocks have been read from every run.
        places = [place for place in places if len(place[2])]
        if not places:
            return
        limit = min(place[2][-1] for place in places)
        keys, values = [], []
        for place in places:
            run, start, block_keys, block_values = place
            count = int(np.searchsorted(block_keys, limit, side="right"))
            keys.append(block_keys[:count])
            values.append(block_values[:count])
            if count == len(block_keys):
                start += count
                place[1:] = [start, *run.read(start, start + block_rows)]
            else:
                place[1:] = [start + count, block_keys[count:], block_values[count:]]
        write(*sum_by_key(np.concatenate(keys), np.concatenate(values)))

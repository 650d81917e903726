"""Peak resident memory of this process, and of another one with its children (Linux).

`scripts/benchmark.py` has every process measured report its own.
"""

import gc
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["TreeMemory", "peak_memory_mib", "reset_peak_memory", "tree_memory_mib"]

PERIOD_S = 0.1
"""Time between two looks at the memory of other processes."""


def reset_peak_memory() -> float | None:
    """Set the peak to the present resident memory, and give that in MiB; `None` where it is unknown."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # "5" resets the peak, see proc(5)
    except OSError:
        return None
    return peak_memory_mib()


def peak_memory_mib() -> float | None:
    """Peak resident memory of this process in MiB; `None` where it is unknown."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii")) if status.is_file() else None
    return int(found[1]) / 1024 if found else None


class TreeMemory:
    """Watches the memory of a process and of all that it starts; use it in a `with` block.

    Memory that processes share counts once.

    Args:
        pid: The process.

    Attributes:
        peak_mib: The most of it that was seen; `None` where it is unknown.
    """

    def __init__(self, pid: int) -> None:
        self.peak_mib: float | None = None
        self._pid = pid
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(PERIOD_S):
            if total := tree_memory_mib(self._pid):
                self.peak_mib = max(self.peak_mib or 0.0, total)


def tree_memory_mib(pid: int) -> float:
    """Memory of a process and of all below it in MiB, what they share counted once; 0 where it is unknown."""
    return sum(share for each in _tree(pid) if (share := _share_mib(each)) is not None)


def _tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = children.read_text(encoding="ascii").split()
        except OSError:  # it has ended
            continue
        for child in pids:
            yield from _tree(int(child))


def _share_mib(pid: int) -> float | None:
    """Its own memory and its share of what others have too, in MiB."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) / 1024 if found else None

"""Processes to measure in: each system has its own, with its own memory and threads, and they take turns.

`scripts/benchmark.py` starts one for each row of its tables. Nothing is measured here.
"""

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from hf_bigru_asr.processes.worker_pool import WorkerPool

__all__ = ["Worker"]

Result = TypeVar("Result")


class Worker:
    """A process with one loaded system; use it in a `with` block, at whose end the process ends.

    Args:
        num_threads: Threads that numerical libraries may take; the number of processors if `None`.
    """

    def __init__(self, num_threads: int | None = None) -> None:
        self._pool = WorkerPool(1)
        self._num_threads = num_threads

    def __enter__(self) -> "Worker":
        self._pool.__enter__().submit(_limit_threads, self._num_threads)
        return self

    def __exit__(self, *exception: Any) -> None:
        self._pool.__exit__(*exception)

    def load(self, function: Callable[..., Any], *arguments: Any) -> float:
        """Keep the result of a function of some module in the process.

        Returns:
            Seconds that the function took.
        """
        return self._pool.submit(_load, function, *arguments).result()

    def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run a function of some module in the process, which runs nothing else meanwhile.

        Args:
            function: Its first argument is what [`Worker.load`] has kept, `None` before.
            arguments: Its other arguments.
        """
        return self._pool.submit(_run, function, *arguments).result()


_loaded: list[Any] = [None]
"""What this process keeps, if it is one of a [`Worker`]."""


def _limit_threads(num_threads: int | None) -> None:
    if num_threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(num_threads)  # of libraries that are loaded from here on


def _load(function: Callable[..., Any], *arguments: Any) -> float:
    start_s = time.perf_counter()
    _loaded[:] = [function(*arguments)]
    return time.perf_counter() - start_s


def _run(function: Callable[..., Result], *arguments: Any) -> Result:
    return function(_loaded[0], *arguments)

"""Processes to measure in: each system has one of its own, with its own memory and threads, and they take turns."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

__all__ = ["Worker"]

Result = TypeVar("Result")


class Worker:
    """A process that lives until it is closed; use it in a `with` block.

    Args:
        num_threads: Threads that numerical libraries may take; the number of processors if `None`.
    """

    def __init__(self, num_threads: int | None = None) -> None:
        self._pool = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_limit_threads, initargs=(num_threads,)
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """The result of a function of some module in the process, which runs nothing else meanwhile."""
        return self._pool.submit(function, *arguments).result()


def _limit_threads(num_threads: int | None) -> None:
    if num_threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(num_threads)  # of libraries that are loaded from here on

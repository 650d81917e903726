"""Several groups of recordings at once, their results in order, in bounded memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from .inputs import Input

__all__ = ["Check", "StoppedError", "groups_of", "run_in_order"]

T = TypeVar("T")
R = TypeVar("R")

Check = Callable[[], None]
"""Called now and then by what works; raises when the results are no longer wanted."""

GROUP_BYTES = 1_000_000
"""Half a minute as WAV at 16 kHz: what is longer gains nothing from company."""
GROUP_SIZE = 8


class StoppedError(BaseException):
    """The command ends: work that nobody waits for stops."""


def groups_of(recordings: Iterable[Input]) -> Iterator[list[Input]]:
    """Recordings that follow each other and are short together; every other one alone."""
    group: list[Input] = []
    num_bytes = 0
    for recording in recordings:
        size = GROUP_BYTES if recording.num_bytes is None else recording.num_bytes
        if group and (len(group) == GROUP_SIZE or num_bytes + size > GROUP_BYTES):
            yield group
            group, num_bytes = [], 0
        group.append(recording)
        num_bytes += size
    if group:
        yield group


def run_in_order(tasks: Iterable[T], work: Callable[[T, Check], R], num_jobs: int) -> Iterator[R]:
    """Results of tasks in their order.

    Args:
        tasks: Taken as they are needed: twice as many as run at once.
        work: Gets a task, and a function to call now and then, which raises when the results are no longer wanted.
        num_jobs: Tasks that run at once, in threads.

    Yields:
        What `work` returns. What it raises is raised here.
    """
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise StoppedError

    def run(task: T) -> R:
        check()
        return work(task, check)

    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(num_jobs) as threads:
        try:
            for task in tasks:
                waiting.append(threads.submit(run, task))
                if len(waiting) > 2 * num_jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            stopped.set()
            for future in waiting:
                future.cancel()

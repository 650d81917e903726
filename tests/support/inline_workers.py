"""Stand-ins for worker processes: what they are to call is called here, without the seconds that a process takes."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class InlineWorker:
    """In place of `benchmarks.workers.Worker`."""

    def __init__(self, num_threads: int | None = None) -> None:
        self.loaded: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def load(self, function: Callable[..., Any], *arguments: Any) -> float:
        self.loaded = function(*arguments)
        return 0.25

    def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        return function(self.loaded, *arguments)


class InlinePool:
    """In place of `hf_bigru_asr.processes.worker_pool.WorkerPool`."""

    def __init__(self, num_workers: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def submit(self, function: Callable[..., Result], *arguments: Any) -> "Future[Result]":
        future: Future[Result] = Future()
        future.set_result(function(*arguments))
        return future

    def submit_to_each(self, function: Callable[..., Result], *arguments: Any) -> "list[Future[Result]]":
        return [self.submit(function, *arguments)]

    def call_in_each(self, function: Callable[..., Result], *arguments: Any) -> list[Result]:
        return [function(*arguments)]

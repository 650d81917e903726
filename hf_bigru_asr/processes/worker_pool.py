"""Worker processes for library calls: they work in a plain script, from standard input and in a notebook.

Those of `multiprocessing` import the main module of the program again, which runs a script without a main guard once
more in every worker.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar, cast

__all__ = ["WorkerDiedError", "WorkerPool", "can_start_processes"]

WORKER_MODULE = "hf_bigru_asr.processes.worker_process"

Result = TypeVar("Result")


def can_start_processes() -> bool:
    """Whether a [`WorkerPool`] works here: there is a Python interpreter to run, and pipes can be handed on to it."""
    return os.name == "posix" and bool(sys.executable) and not getattr(sys, "frozen", False)


class WorkerDiedError(ChildProcessError):
    """A worker process has ended before it gave its result."""


class WorkerPool:
    """Processes that call functions in parallel; use it in a `with` block.

    A process starts with the first call that needs it, and anew after one that has died, whose call is made once more.
    Processes end with the pool, at once if an exception leaves the block, and with this process, however that ends.

    Args:
        num_workers: Processes, at the most.

    Raises:
        ValueError: If `num_workers` is below 1.
    """

    def __init__(self, num_workers: int) -> None:
        if num_workers < 1:
            raise ValueError(f"num_workers is {num_workers}; it must be at least 1.")
        self._workers = [_Worker() for _ in range(num_workers)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        # Each of these threads waits for one process.
        self._threads = ThreadPoolExecutor(num_workers, thread_name_prefix="worker")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            for worker in self._workers:
                worker.kill()  # nobody takes their results
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def submit(self, function: Callable[..., Result], *arguments: object) -> "Future[Result]":
        """Call a function in the next process that is free.

        Args:
            function: A function at the top level of a module that the worker can import: not of `__main__`.
            arguments: Its arguments, which can be pickled.

        Returns:
            Its result; the exception that it raised; or [`WorkerDiedError`] if its process died twice.
        """
        return self._threads.submit(self._call_idle, function, arguments)

    def submit_to_each(self, function: Callable[..., Result], *arguments: object) -> "list[Future[Result]]":
        """Call a function once in every process; see [`submit`]."""
        return [self._threads.submit(worker.call, function, arguments) for worker in self._workers]

    def call_in_each(self, function: Callable[..., Result], *arguments: object) -> list[Result]:
        """Call a function once in every process, and wait for all results."""
        return [call.result() for call in self.submit_to_each(function, *arguments)]

    def _call_idle(self, function: Callable[..., Result], arguments: tuple[object, ...]) -> Result:
        worker = self._idle.get()
        try:
            try:
                return worker.call(function, arguments)
            except WorkerDiedError:
                if worker.is_killed:
                    raise
                return worker.call(function, arguments)  # in a new process
        finally:
            self._idle.put(worker)


class _Worker:
    """One process, started with its first call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.is_killed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def call(self, function: Callable[..., Result], arguments: tuple[object, ...]) -> Result:
        message = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        with self._lock:
            if self._connection is None or self._process is None:
                self._process, self._connection = _start_process()
                if self.is_killed:
                    self._process.kill()
            try:
                self._connection.send_bytes(message)
                result, error = pickle.loads(self._connection.recv_bytes())
            except (EOFError, OSError) as ended:
                status = self._process.wait()
                self._connection.close()
                self._process = self._connection = None
                raise WorkerDiedError(
                    f"A worker process was killed by signal {-status}. If memory ran out, give fewer num_workers."
                    if status < 0
                    else f"A worker process ended with the exit status {status}; its own messages stand on standard "
                    "error. If memory ran out, give fewer num_workers."
                ) from ended
        if error is not None:
            raise error
        return cast("Result", result)

    def kill(self) -> None:
        """End the process at once."""
        self.is_killed = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process, after the call that it has."""
        with self._lock:
            if self._connection is not None and self._process is not None:
                self._connection.close()
                self._process.wait()
                self._process = self._connection = None


def _start_process() -> "tuple[subprocess.Popen[bytes], Connection]":
    if not can_start_processes():
        raise RuntimeError(
            "This program has no Python interpreter to run worker processes, or this system no pipes to hand on to "
            "them; set num_workers to 1."
        )
    # Modules are found where this process finds them. -P: not in the current folder, unless that is among them.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", WORKER_MODULE, str(theirs.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            pass_fds=[theirs.fileno()],
            process_group=0,  # Ctrl-C and what a launcher sends are for the parent, which ends its workers
        )
    return process, ours

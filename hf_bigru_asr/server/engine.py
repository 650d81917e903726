"""Threads that transcribe the recordings of all requests; short ones share runs of the network."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import TypeVar
from weakref import WeakSet

from ..formats.transcript import TimedTranscript
from ..runtime.recognizer import BATCH_SIZE
from .recordings import Job, Recording, RecordingSteps, StoppedError

__all__ = ["Engine", "FullError"]

MIN_SHARE = 0.5
"""A recording shares a run only with those of at least this part of its length: padding is work too."""
MAX_RETRY_S = 60
T = TypeVar("T")

_MEMORY = 0.9
"""How much of the mean time of a recording remains with every further one."""


class FullError(Exception):
    """As many recordings wait as are allowed.

    Args:
        retry_s: Seconds after which some of them are probably done.
    """

    def __init__(self, retry_s: int) -> None:
        super().__init__(retry_s)
        self.retry_s = retry_s


class Engine:
    """Transcribes recordings in threads, each as it would be alone.

    What has come a step further goes first, then what came earlier. One thread more than `num_parallel` runs, which
    takes short recordings only: they never wait for the end of long ones.

    Args:
        steps: What is done with a recording.
        num_parallel: Recordings of more than half a minute that run at once.
        max_jobs: Recordings that wait or run at the most.
        on_batch: Gets the number of recordings of every run of the network over short ones.
    """

    def __init__(
        self,
        steps: RecordingSteps,
        num_parallel: int = 1,
        *,
        max_jobs: int = 128,
        on_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        self.steps = steps
        self._num_parallel, self._max_jobs, self._on_batch = num_parallel, max_jobs, on_batch
        self._changed = threading.Condition()
        self._scored: deque[Job] = deque()
        self._unread: deque[Job] = deque()
        self._short: list[Job] = []
        self._long: deque[Job] = deque()
        self._jobs: WeakSet[Job] = WeakSet()
        self._num_long_running = 0
        self._reserved = 0
        self._num_jobs = 0
        self._mean_s = 1.0
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"engine-{number}", daemon=True)
            for number in range(num_parallel + 1)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def num_active(self) -> int:
        """Recordings that are being uploaded, wait or run."""
        return self._reserved

    def reserve(self) -> None:
        """Take a place for a recording; `release` gives it back.

        Raises:
            FullError: If there is none.
        """
        with self._changed:
            if self._reserved >= self._max_jobs:
                wait_s = self._mean_s * self._reserved / len(self._threads)
                raise FullError(min(max(math.ceil(wait_s), 1), MAX_RETRY_S))
            self._reserved += 1

    def release(self) -> None:
        """Give a place back."""
        with self._changed:
            self._reserved -= 1

    def submit(self, recording: Recording) -> Job:
        """Let a recording be transcribed; its place has been taken by `reserve`.

        Raises:
            RuntimeError: If the engine is closed.
        """
        with self._changed:
            if self._is_closed:
                raise RuntimeError("The engine is closed.")
            job = Job(self._num_jobs, recording)
            self._num_jobs += 1
            self._unread.append(job)
            self._jobs.add(job)
            self._changed.notify()
        return job

    def stop(self) -> None:
        """Stop all work that has come until now; who waits for it gets a `CancelledError`."""
        with self._changed:
            jobs = list(self._jobs)
        for job in jobs:
            job.stop()

    def close(self) -> None:
        """Stop all work, and end the threads."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self.stop()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (task := self._next_task()) is not None:
            task()
            task = None

    def _next_task(self) -> Callable[[], None] | None:
        """Wait for something to do; `None` at the end."""
        with self._changed:
            while not self._is_closed:
                if self._scored:
                    job = self._scored.popleft()
                    return lambda: self._finish(job, self.steps.decode)
                if self._unread:
                    job = self._unread.popleft()
                    return lambda: self._read(job)
                if (task := self._next_of_those_read()) is not None:
                    return task
                self._changed.wait()
        return None

    def _next_of_those_read(self) -> Callable[[], None] | None:
        may_be_long = bool(self._long) and self._num_long_running < self._num_parallel
        if may_be_long and not (self._short and self._short[0].number < self._long[0].number):
            job = self._long.popleft()
            self._num_long_running += 1
            return lambda: self._transcribe_long(job)
        if self._short:
            batch = self._take_batch()
            return lambda: self._score(batch)
        return None

    def _take_batch(self) -> list[Job]:
        """The short recording that waits longest, and others of about its length."""
        first = self._short[0]
        batch, longest = [first], first.num_samples
        max_samples = self.steps.max_batch_samples
        for job in self._short[1:]:
            lengths = (*(each.num_samples for each in batch), job.num_samples)
            is_alike = min(lengths) >= MIN_SHARE * max(lengths)
            if len(batch) < BATCH_SIZE and is_alike and len(lengths) * max(longest, job.num_samples) <= max_samples:
                batch.append(job)
                longest = max(longest, job.num_samples)
        self._short = [job for job in self._short if job not in batch]
        return batch

    def _read(self, job: Job) -> None:
        is_short = self._step(job, lambda: self.steps.read(job))
        if is_short is None:
            return
        with self._changed:
            if is_short:
                # The order of arrival, which reading can change.
                self._short.append(job)
                self._short.sort(key=lambda each: each.number)
            else:
                self._long.append(job)
            self._changed.notify()

    def _score(self, batch: list[Job]) -> None:
        batch = [job for job in batch if self._step(job, lambda: True)]
        if not batch:
            return
        self._on_batch(len(batch))
        try:
            self.steps.score(batch)
        except Exception as error:
            if len(batch) == 1:
                batch[0].finish(error)
            else:  # the fault of one is not that of the others
                for job in batch:
                    self._score([job])
            return
        with self._changed:
            self._scored += batch
            self._changed.notify(len(batch))

    def _transcribe_long(self, job: Job) -> None:
        try:
            self._finish(job, self.steps.transcribe_rest)
        finally:
            with self._changed:
                self._num_long_running -= 1
                self._changed.notify()

    def _finish(self, job: Job, step: Callable[[Job], TimedTranscript]) -> None:
        start_s = time.monotonic()
        transcript = self._step(job, lambda: step(job))
        if transcript is not None:
            job.finish(transcript)
            self._mean_s = _MEMORY * self._mean_s + (1 - _MEMORY) * (time.monotonic() - start_s)

    @staticmethod
    def _step(job: Job, work: Callable[[], T]) -> T | None:
        """What a step returns; `None` if it fails, and the job is finished with the error."""
        try:
            job.check()
            return work()
        except StoppedError:
            job.finish(CancelledError())
        except Exception as error:
            job.finish(error)
        return None

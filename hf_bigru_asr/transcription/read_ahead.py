"""Ordered prefetch in threads, bounded by the size of the waiting results."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from threading import Condition, Lock, Thread
from typing import Generic, TypeVar

__all__ = ["read_ahead"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    *,
    num_workers: int,
    size: Callable[[Result], float],
    limit: float,
) -> Iterator[Result]:
    """Apply a function to items in threads, ahead of the caller.

    Args:
        items: Taken in the threads, one at a time, as they are needed.
        work: The function, called in the threads.
        num_workers: Threads.
        size: Size of a result, which counts until the caller takes it.
        limit: No further item is started while the waiting results are larger than this.

    Yields:
        The results, in the order of the items.

    Raises:
        ValueError: If `num_workers` is below 1.
        Exception: What `items` or `work` raise, at its place among the results, which end there.
    """
    if num_workers < 1:
        raise ValueError(f"num_workers is {num_workers}; it must be at least 1.")
    state = _ReadAhead(items, work, size, limit)
    threads = [Thread(target=state.run, daemon=True) for _ in range(num_workers)]
    for thread in threads:
        thread.start()
    try:
        yield from state.results()
    finally:
        state.stop()
        for thread in threads:
            thread.join()


class _ReadAhead(Generic[Item, Result]):
    def __init__(
        self,
        items: Iterable[Item],
        work: Callable[[Item], Result],
        size: Callable[[Result], float],
        limit: float,
    ) -> None:
        self._items, self._work, self._size, self._limit = iter(items), work, size, limit
        self._taking = Lock()  # around `items`, which may take its time, and their count
        self._num_taken = 0
        self._changed = Condition()  # around everything below
        self._waiting: dict[int, Result | Exception] = {}
        self._total = 0.0
        self._num_items: int | None = None  # known when they have ended
        self._stopped = False

    def run(self) -> None:
        """What a thread does."""
        while True:
            # In this order: a thread that has an item never waits, so the result that the caller waits for comes.
            with self._taking:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped or self._total <= self._limit)
                    if self._stopped or self._num_items is not None:
                        return
                number = self._num_taken
                try:
                    item = next(self._items)
                except StopIteration:
                    self._end(number)
                    return
                except Exception as error:
                    self._put(number, error)
                    self._end(number + 1)
                    return
                self._num_taken += 1
            result: Result | Exception
            try:
                result = self._work(item)
            except Exception as error:
                result = error
            self._put(number, result)

    def _put(self, number: int, result: Result | Exception) -> None:
        with self._changed:
            self._waiting[number] = result
            self._total += 0.0 if isinstance(result, Exception) else self._size(result)
            self._changed.notify_all()

    def _end(self, num_items: int) -> None:
        with self._changed:
            self._num_items = num_items
            self._changed.notify_all()

    def results(self) -> Iterator[Result]:
        """What the caller gets."""
        for number in count():
            with self._changed:
                while number not in self._waiting:
                    if self._num_items == number:
                        return
                    self._changed.wait()
                result = self._waiting.pop(number)
                if isinstance(result, Exception):
                    raise result
                self._total -= self._size(result)
                self._changed.notify_all()
            yield result

    def stop(self) -> None:
        """Let the threads end with the item that they have."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

"""Threads that work ahead: order, limit, errors and the end."""

import threading
from collections.abc import Iterator

import pytest

from hf_bigru_asr.transcription.read_ahead import read_ahead


def one(result: object) -> float:
    return 1.0


@pytest.mark.parametrize("num_workers", [1, 2, 5])
@pytest.mark.parametrize("num_items", [0, 1, 100])
def test_order_is_kept(num_items: int, num_workers: int) -> None:
    results = read_ahead(range(num_items), lambda item: item * item, num_workers=num_workers, size=one, limit=3)
    assert list(results) == [item * item for item in range(num_items)]


def test_a_slow_item_does_not_change_the_order() -> None:
    second_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0:
            assert second_is_done.wait(60)
        else:
            second_is_done.set()
        return item

    assert list(read_ahead(range(4), work, num_workers=2, size=one, limit=9)) == [0, 1, 2, 3]


def test_no_more_is_begun_than_the_limit_allows() -> None:
    begun: list[int] = []
    num_taken = 0
    excess = 0

    def work(item: int) -> int:
        nonlocal excess
        begun.append(item)
        excess = max(excess, len(begun) - num_taken)
        return item

    for _ in read_ahead(range(60), work, num_workers=2, size=lambda item: 10.0, limit=35):
        num_taken += 1
    # Four results pass the limit; two items may have been begun before that; one was handed over and not yet counted.
    assert 2 <= excess <= 4 + 2 + 1


def test_an_error_of_the_work_comes_at_its_place() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise RuntimeError("broken")
        return item

    results = read_ahead(range(5), work, num_workers=2, size=one, limit=9)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(RuntimeError, match="broken"):
        next(results)


def test_an_error_of_the_items_comes_at_its_place() -> None:
    def items() -> Iterator[int]:
        yield 0
        yield 1
        raise RuntimeError("no more")

    results = read_ahead(items(), lambda item: item, num_workers=3, size=one, limit=9)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(RuntimeError, match="no more"):
        next(results)


def test_threads_end_when_the_caller_does() -> None:
    before = threading.active_count()
    results = read_ahead(iter(int, 1), lambda item: item, num_workers=3, size=one, limit=5)
    assert [next(results) for _ in range(10)] == [0] * 10
    assert threading.active_count() == before + 3
    results.close()  # type: ignore[attr-defined] # a generator
    assert threading.active_count() == before


def test_no_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="num_workers is 0; it must be at least 1"):
        next(read_ahead([1], lambda item: item, num_workers=0, size=one, limit=5))

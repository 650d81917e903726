"""Several groups at once: results in order, bounded memory, and an end that nobody waits for."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hf_bigru_asr.cli.inputs import Input
from hf_bigru_asr.cli.jobs import GROUP_BYTES, GROUP_SIZE, Check, groups_of, run_in_order


def test_short_recordings_that_follow_each_other_run_together() -> None:
    sizes = [10, 20, GROUP_BYTES, 5, None, 7, *[1] * (GROUP_SIZE + 1)]
    groups = list(groups_of(Input(str(number), Path(), size) for number, size in enumerate(sizes)))
    assert [[each.num_bytes for each in group] for group in groups] == [
        [10, 20],
        [GROUP_BYTES],
        [5],
        [None],
        [7, *[1] * (GROUP_SIZE - 1)],
        [1, 1],
    ]
    assert [each.source for group in groups for each in group] == [str(number) for number in range(len(sizes))]


@pytest.mark.parametrize("num_jobs", [1, 3])
def test_results_are_in_order_and_tasks_are_taken_as_they_are_needed(num_jobs: int) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for task in range(30):
            taken.append(task)
            yield task

    def work(task: int, check: Check) -> int:
        time.sleep(0.002 * (task % 3))
        return 10 * task

    found = []
    for result in run_in_order(tasks(), work, num_jobs):
        found.append(result)
        assert len(taken) <= len(found) + 2 * num_jobs + 1
    assert found == [10 * task for task in range(30)]


def test_as_many_tasks_run_at_once_as_there_are_jobs() -> None:
    barrier = threading.Barrier(3)
    assert list(run_in_order(range(3), lambda task, check: barrier.wait(timeout=10), 3)) != []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_work_that_nobody_waits_for_stops(kind: type[BaseException]) -> None:
    stopped, begun = [], threading.Event()

    def work(task: int, check: Check) -> int:
        if task == 0:
            return task
        begun.set()
        try:
            while True:
                time.sleep(0.001)
                check()
        except BaseException:
            stopped.append(task)
            raise

    def take_one() -> None:
        for _ in run_in_order(range(100), work, 2):
            begun.wait(timeout=10)
            raise kind

    with pytest.raises(kind):
        take_one()
    assert set(stopped) <= {1, 2}
    assert stopped


def test_what_work_raises_is_raised() -> None:
    def work(task: int, check: Check) -> int:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        list(run_in_order(range(5), work, 2))

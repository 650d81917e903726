"""Worker processes: results, errors, the programs that may use them, and their end."""

import math
import operator
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from repository import REPOSITORY
from running_processes import is_running, left_after, needs_proc

from hf_bigru_asr.processes.worker_pool import WorkerDiedError, WorkerPool

PROGRAM = """
import operator, os, sys
from hf_bigru_asr.processes.worker_pool import WorkerPool
print("started", file=sys.stderr)  # where workers would print it too
with WorkerPool(2) as pool:
    futures = [pool.submit(operator.mul, number, number) for number in range(5)]
    print([future.result() for future in futures])
    assert os.getpid() not in pool.call_in_each(os.getpid)
    print(pool.call_in_each(eval, "'torch' in __import__('sys').modules"))
"""


@pytest.fixture(scope="module")
def pool() -> WorkerPool:
    with WorkerPool(2) as pool:
        yield pool


def test_results_are_those_of_the_calls(pool: WorkerPool) -> None:
    futures = [pool.submit(math.comb, 20, number) for number in range(20)]
    assert [future.result() for future in futures] == [math.comb(20, number) for number in range(20)]
    large = pool.submit(operator.mul, b"ab", 1 << 22).result()
    assert large == b"ab" * (1 << 22)


def test_every_process_is_one_of_its_own(pool: WorkerPool) -> None:
    first = pool.call_in_each(os.getpid)
    assert len({*first, os.getpid()}) == 3
    assert pool.call_in_each(os.getpid) == first


class NotMadeAgain(Exception):  # noqa: N818 - it is no error
    """It can be pickled, but not made again of its message."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def fail(kind: str) -> NoReturn:
    if kind == "exit":
        os._exit(3)
    raise NotMadeAgain("a ", "pity")


def test_what_a_call_raises(pool: WorkerPool) -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        pool.submit(operator.truediv, 1, 0).result()
    assert "In a worker process" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match=r"A worker process raised:(.|\n)*NotMadeAgain: a pity"):
        pool.submit(fail, "raise").result()
    with pytest.raises(RuntimeError, match=r"A worker process raised:(.|\n)*cannot pickle"):
        pool.submit(open, os.devnull).result()
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        pool.submit(lambda: 1).result()
    assert pool.submit(operator.add, 1, 1).result() == 2


def test_a_worker_that_dies_is_named() -> None:
    with WorkerPool(1) as pool:
        for _ in range(2):
            with pytest.raises(WorkerDiedError, match=r"ended with the exit status 3; .* give fewer num_workers"):
                pool.submit(fail, "exit").result()
        assert pool.submit(operator.add, 1, 1).result() == 2, "in a new process"


def test_no_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="num_workers is 0; it must be at least 1"):
        WorkerPool(0)


def test_a_program_without_an_interpreter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with WorkerPool(1) as pool, pytest.raises(RuntimeError, match=r"no Python interpreter .* set num_workers to 1"):
        pool.submit(os.getpid).result()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


@pytest.mark.parametrize("door", ["script", "standard input", "command"])
def test_programs_without_a_main_guard(door: str, tmp_path: Path) -> None:
    """A module of the program's own folder that hides one of the standard library changes nothing."""
    (tmp_path / "script.py").write_text(PROGRAM)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "pickle.py").write_text("raise ImportError")
    arguments = {
        "script": [str(tmp_path / "script.py")],
        "standard input": ["-P", "-"],
        "command": ["-P", "-c", PROGRAM],
    }
    child = subprocess.run(
        [sys.executable, *arguments[door]],
        input=PROGRAM if door == "standard input" else "",
        env=environment(),
        cwd=tmp_path / "elsewhere",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (child.returncode, child.stderr) == (0, "started\n")
    assert child.stdout == "[0, 1, 4, 9, 16]\n[False, False]\n"


@needs_proc
def test_an_exception_ends_workers_in_the_middle_of_a_call() -> None:
    program = """
        import os, time
        from hf_bigru_asr.processes.worker_pool import WorkerPool
        with WorkerPool(2) as pool:
            print(*pool.call_in_each(os.getpid), flush=True)
            pool.submit(time.sleep, 60)
            time.sleep(60)
    """
    command = [sys.executable, "-c", "if True:" + program]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(is_running, pids))
        parent.send_signal(signal.SIGINT)
        _, messages = parent.communicate(timeout=30)
    assert "KeyboardInterrupt" in messages
    assert left_after(0, pids) == []

"""Runs a program again and again, in forks of this process, with a signal at a moment that is counted, not timed."""

import os
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from tqdm import tqdm

TIMEOUT_S = 120


class Ended(NamedTuple):
    """How a run ended: its exit status, what it printed, and the calls of Python functions that it made."""

    status: int
    output: str
    num_calls: int


def run_interrupted(
    program: Callable[[], object],
    folder: Path,
    moment: int = 0,
    *,
    number: signal.Signals = signal.SIGINT,
    in_callback: bool = False,
) -> Ended:
    """Run a program in a fork that sends itself a signal.

    Args:
        program: Returns its exit status.
        folder: For the files with what it prints.
        moment: The signal comes with this call of a Python function; never if 0.
        number: The signal.
        in_callback: Whether only callbacks of the sound library count.
    """
    child = os.fork()
    if child == 0:
        _run(program, folder, moment, number, in_callback)
    _, status = os.waitpid(child, 0)
    num_calls = folder / "num_calls"
    return Ended(
        os.waitstatus_to_exitcode(status),
        (folder / "output").read_text(),
        int(num_calls.read_text()) if num_calls.exists() else 0,
    )


def script(path: Path, *arguments: object) -> Callable[[], object]:
    """A script as Python runs it, up to what it does with an exception that nobody catches."""

    def run() -> object:
        sys.argv = [str(path), *map(str, arguments)]
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            return end.code
        except BaseException:
            sys.excepthook(*sys.exc_info())  # may raise SystemExit
            return 1
        return 0

    return run


def _run(program: Callable[[], object], folder: Path, moment: int, number: signal.Signals, in_callback: bool) -> None:
    signal.alarm(TIMEOUT_S)
    # Its own lock lies in memory that forks share: one that ends within it would leave it shut for all others.
    tqdm.set_lock(threading.RLock())
    file = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    num_calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal num_calls
        if event == "call" and (not in_callback or frame.f_code.co_name.startswith("vio_")):
            num_calls += 1
            if num_calls == moment:
                sys.setprofile(None)
                os.kill(os.getpid(), number)
                time.sleep(0)  # here Python looks for signals

    status: object = 1
    try:
        sys.setprofile(count)
        status = program()
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.setprofile(None)
        (folder / "num_calls").write_text(str(num_calls))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else int(status is not None))

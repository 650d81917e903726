"""Runs what may crash, hang or eat memory: in forks of this process, with limits, and says how each of them ended.

Everything heavy is imported before: a fork takes milliseconds, and it runs many cases one after the other. A case that
ends it costs that case alone, and the next fork goes on behind it.
"""

import faulthandler
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CPU_S = 10
"""Processor time of one case; one that takes more hangs."""
WALL_S = 60.0
"""Time without a sign of life after which a child is killed: what waits for ever takes no processor time."""
MEMORY_BYTES = 1 << 30
"""Memory that a case may take beside what the process has."""


@dataclass(frozen=True)
class Outcome:
    """How one case ended.

    Args:
        kind: `right`, `named error`, `other exception`, `crash`, `hang`, `over memory`, `silent nonsense`.
        detail: What was said.
    """

    kind: str
    detail: str = ""


def run_cases(
    numbers: Sequence[int],
    case: Callable[[int], Outcome],
    *,
    cpu_s: int = CPU_S,
    wall_s: float = WALL_S,
    memory_bytes: int = MEMORY_BYTES,
) -> Iterator[tuple[int, Outcome]]:
    """Run cases in forks.

    Args:
        numbers: Numbers of the cases.
        case: Runs one and says how it ended.
        cpu_s: See `CPU_S`.
        wall_s: See `WALL_S`.
        memory_bytes: See `MEMORY_BYTES`.

    Yields:
        The cases in their order.
    """
    left = list(numbers)
    while left:
        child, answers = _fork(left, case, cpu_s, memory_bytes)
        buffer = b""
        is_late = False
        with os.fdopen(answers, "rb", buffering=0) as stream:
            while True:
                if not select.select([stream], [], [], wall_s)[0]:
                    is_late = True
                    os.kill(child, signal.SIGKILL)
                    break
                piece = os.read(answers, 1 << 16)
                buffer += piece
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    yield left.pop(0), Outcome(*json.loads(line))
                if not piece:
                    break
        _, status = os.waitpid(child, 0)
        if left:
            yield left.pop(0), _end_of(status, is_late=is_late)


def _end_of(status: int, *, is_late: bool) -> Outcome:
    code = os.waitstatus_to_exitcode(status)
    if is_late:
        return Outcome("hang", "no answer")
    if code == -signal.SIGXCPU:
        return Outcome("hang", "processor time")
    name = signal.Signals(-code).name if code < 0 else f"status {code}"
    return Outcome("crash", name)


def _fork(numbers: Sequence[int], case: Callable[[int], Outcome], cpu_s: int, memory_bytes: int) -> tuple[int, int]:
    """A child that runs the cases, and the end of a pipe with a line for each."""
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        os.close(write_end)
        return child, read_end
    status = 1
    try:
        os.close(read_end)
        os.setsid()
        quiet()
        limit_memory(memory_bytes)
        for number in numbers:
            limit_time(cpu_s)
            outcome = _limited(case, number)
            os.write(write_end, json.dumps([outcome.kind, outcome.detail[:600]]).encode() + b"\n")
        status = 0
    finally:
        os._exit(status)


def _limited(case: Callable[[int], Outcome], number: int) -> Outcome:
    try:
        return case(number)
    except MemoryError as error:
        return Outcome("over memory", str(error))
    except Exception:
        return Outcome("broken reader", traceback.format_exc()[-500:])


def limit_memory(more_bytes: int) -> None:
    """Let this process take so much more memory than it has, and leave no core files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    taken = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    limit = int(taken.split()[1]) * 1024 + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def limit_time(cpu_s: int) -> None:
    """Let this process take so much more processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + cpu_s + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def quiet() -> None:
    """Send what this process prints to nowhere, where it was sent before by others too."""
    faulthandler.disable()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)


def run_whole(work: Callable[[], None], *, wall_s: float = WALL_S, log: Path | None = None) -> int:
    """Run something in one fork, and give its exit status: below 0 the signal that ended it, 124 without an end.

    Args:
        work: What runs. An exception is the status 1, and stands in the log.
        wall_s: See `WALL_S`.
        log: Where it prints.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        _run_whole(work, log)
    end_s = time.monotonic() + wall_s
    while time.monotonic() < end_s:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 124


def _run_whole(work: Callable[[], None], log: Path | None) -> None:
    status = 1
    try:
        os.setsid()
        quiet()
        if log is not None:
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(file, 1)
            os.dup2(file, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)

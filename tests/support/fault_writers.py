"""What writes files, as users start it, and what a kill in the middle of it must leave.

A writer runs once without disturbance. Then it is killed at points that are spread over what it does to the file
system, and in the middle of files that grow beyond a size. After each kill, readers see the old or the new state, or
refuse by name; and the same command run again ends with the files of the undisturbed run.
"""

import hashlib
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault_child import run_whole
from fault_readers import Tally

WALL_S = 240.0
SHARE_OF_SIZES = 0.3
"""Share of the kills that come in the middle of a file."""
EVENTS = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
)
OUT = "out"
"""Name of the folder that a writer writes to."""

Look = Callable[[Path], Any]


@dataclass(frozen=True)
class Writer:
    """One way to write.

    Args:
        name: What it is called.
        make: Writes what it reads into a folder, and what was in the output folder before.
        write: Runs it; the folder has the output in `OUT`.
        look: Reads the output as its users do, and gives what can be compared; raises `ValueError` or `OSError` by
            name for what cannot be used.
        grows: Whether every whole file is a result of its own, so that some of them are a state as well.
        values: What of a file's content is the same at each run; the content without.
        repeats: Whether the command gives the same when it is run again after its end.
    """

    name: str
    make: Callable[[Path], None]
    write: Callable[[Path], None]
    look: Look
    grows: bool = False
    values: Callable[[str, bytes], Any] = lambda name, content: content
    repeats: bool = True


def kill_everywhere(writer: Writer, num_kills: int, folder: Path) -> Tally:
    """Kill a writer at some points, and say how that ended.

    Args:
        writer: What writes.
        num_kills: How often.
        folder: Where files are written.
    """
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    tally = Tally()
    run = _Run(writer, folder)
    _in_child(lambda: writer.make(inputs), folder / "make.log")
    before = run.seen(inputs)
    whole = run.copy_of(inputs, "whole")
    num_events = run.count_events(whole)
    after, expected = run.seen(whole), run.contents(whole)
    if run.has_failed(after) or not expected:
        raise RuntimeError(f"{writer.name} writes nothing that can be read: {after}")
    sizes = sorted({path.stat().st_size for path in (whole / OUT).rglob("*") if path.is_file()} - {0, 1})
    for number, point in enumerate(_points(num_kills, num_events, sizes)):
        kind, detail = run.kill(inputs, point, (before, after), expected)
        tally.counts[kind] = tally.counts.get(kind, 0) + 1
        if kind not in ("right", "named error"):
            tally.failures.append(f"{writer.name} {number}, {point[0]} {point[1]} of {num_events}: {kind}: {detail}")
    shutil.rmtree(folder)
    return tally


def _points(num_kills: int, num_events: int, sizes: list[int]) -> Iterator[tuple[str, int]]:
    """Events before which, and sizes at which it is killed."""
    num_sizes = round(SHARE_OF_SIZES * num_kills) if sizes else 0
    for number in range(num_kills - num_sizes):
        yield "event", 1 + number * (num_events - 1) // max(num_kills - num_sizes - 1, 1)
    for number in range(num_sizes):
        size = sizes[-1 - number * len(sizes) // num_sizes]
        yield "size", size // 2 if number % 2 == 0 else size - 1


class _Run:
    """Runs of one writer, each in a fork, in folders of their own."""

    def __init__(self, writer: Writer, folder: Path) -> None:
        self._writer, self._folder = writer, folder

    def copy_of(self, inputs: Path, name: str) -> Path:
        """All runs are in the folder of the same name, since records have the names of folders."""
        target = self._folder / "work"
        if target.exists():
            target.rename(self._folder / f"old-{name}")
            shutil.rmtree(self._folder / f"old-{name}")
        shutil.copytree(inputs, target)
        return target

    def count_events(self, folder: Path) -> int:
        """Run it without disturbance, and count what it does to the file system."""
        counted = self._folder / "counted"

        def work() -> None:
            with _watched(folder, None) as count:
                self._writer.write(folder)
            counted.write_text(str(count()))

        _in_child(work, self._folder / "whole.log")
        return int(counted.read_text())

    def seen(self, folder: Path) -> list[Any]:
        """What a reader sees: `["seen", DIGEST]`, or `["refused", MESSAGE]`, or `["failed", MESSAGE]`."""
        return _answer(lambda: self._look(folder), self._folder / "answer")

    def has_failed(self, seen: list[Any]) -> bool:
        return seen[0] != "seen"

    def contents(self, folder: Path) -> dict[str, str]:
        """Digests of the files that are no hidden ones."""
        found = {}
        for path in sorted((folder / OUT).rglob("*")):
            name = str(path.relative_to(folder / OUT))
            if path.is_file() and not any(part.startswith(".") for part in Path(name).parts):
                found[name] = digest(self._writer.values(name, path.read_bytes()))
        return found

    def kill(
        self, inputs: Path, point: tuple[str, int], states: tuple[list[Any], list[Any]], expected: dict[str, str]
    ) -> tuple[str, str]:
        """How it ended after a kill at one point."""
        folder = self.copy_of(inputs, "killed")
        status = run_whole(lambda: self._killed(folder, point), wall_s=WALL_S, log=self._folder / "killed.log")
        if status == 124:
            return "hang", "it did not end"
        if status > 0 and "Traceback" in (self._folder / "killed.log").read_text(errors="replace"):
            return "other exception", f"status {status}: {self._log('killed.log')}"
        found = self.contents(folder)
        if self._writer.grows and (wrong := [name for name, each in found.items() if expected.get(name) != each]):
            return "silent nonsense", f"{wrong[0]} is not whole"
        seen, again = self._after(folder)
        if seen[0] == "failed":
            return "other exception", seen[1]
        if seen[0] == "seen" and seen not in states and not self._writer.grows:
            return "silent nonsense", f"neither the old nor the new: {seen[1:]}"
        last = self.contents(folder)
        if seen == states[1] and not self._writer.repeats:
            return "right", "done"
        if again and ("Traceback" in again or last != expected):
            return "other exception", f"again: {again}"
        if last != expected:
            names = sorted(name for name in last.keys() | expected.keys() if last.get(name) != expected.get(name))
            return "silent nonsense", f"run again, other files: {', '.join(names[:5])}"
        return "named error" if seen[0] == "refused" else "right", str(seen[1])

    def _killed(self, folder: Path, point: tuple[str, int]) -> None:
        kind, place = point
        if kind == "size":
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (place, place))
        with _watched(folder, place if kind == "event" else None):
            self._writer.write(folder)

    def _after(self, folder: Path) -> tuple[list[Any], str]:
        """What a reader sees now, and why the same command cannot be run again, if it cannot."""
        seen_path = self._folder / "seen"
        seen_path.unlink(missing_ok=True)

        def work() -> None:
            seen_path.write_text(json.dumps(self._look(folder)))
            self._writer.write(folder)

        status = run_whole(work, wall_s=WALL_S, log=self._folder / "again.log")
        seen = json.loads(seen_path.read_text()) if seen_path.exists() else ["failed", f"ended with {status}"]
        return seen, "" if status == 0 else f"status {status}: {self._log('again.log')}"

    def _look(self, folder: Path) -> list[Any]:
        try:
            return ["seen", digest(self._writer.look(folder / OUT))]
        except (ValueError, OSError) as error:
            return ["refused", str(error)[:300]]
        except Exception as error:
            return ["failed", repr(error)[:600]]

    def _log(self, name: str) -> str:
        lines = (self._folder / name).read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:])[-500:]


@contextmanager
def _watched(folder: Path, last: int | None) -> Iterator[Callable[[], int]]:
    """Count what is done to the file system below a folder, and end this process before the event `last`.

    What libraries in C do is not seen: kills by size are for that.
    """
    count = 0
    is_on = True
    top = str(folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if not is_on or not (event in EVENTS or (event == "open" and _writes(arguments))):
            return
        path = arguments[0]
        if not isinstance(path, str | bytes) or not os.fsdecode(path).startswith(top):
            return
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    try:
        yield lambda: count
    finally:
        is_on = False


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR))


def _in_child(work: Callable[[], None], log: Path) -> None:
    status = run_whole(work, wall_s=WALL_S, log=log)
    if status:
        raise RuntimeError(f"{log.name}: status {status}: {log.read_text(errors='replace')[-2000:]}")


def _answer(ask: Callable[[], list[Any]], path: Path) -> list[Any]:
    path.unlink(missing_ok=True)
    _in_child(lambda: path.write_text(json.dumps(ask())) and None, path.with_suffix(".log"))
    answer: list[Any] = json.loads(path.read_text())
    return answer


def digest(value: Any) -> str:  # noqa: ANN401 - any result
    """Stands for a value."""
    return hashlib.blake2b(value if isinstance(value, bytes) else repr(value).encode(), digest_size=12).hexdigest()

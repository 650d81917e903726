"""What reads files, as users call it, and what is right when a file is broken.

A case changes one file of a reader and reads. It is right if the result is that of the file as it was, or one that the
changed file may well have; an error is right if it is a `ValueError` or `OSError` and names the file.
"""

import logging
import random
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_child import Outcome, run_cases
from fault_mutations import CUT, MISSING, NOT_FINITE, ZEROED, Change, change_file

NAMED_ERRORS = (ValueError, OSError)
UNREADABLE = frozenset({CUT, ZEROED, MISSING, NOT_FINITE})
"""Changes that no reader can take for another good file, if its format has a length or a checksum."""


class NonsenseError(Exception):
    """A result that no file can have."""


@dataclass(frozen=True)
class Reader:
    """One way to read some files.

    Args:
        name: What it is called.
        make: Writes the good files into a folder.
        read: Reads the folder and gives a result that can be compared; raises `NonsenseError` for one that cannot be.
        files: Pattern of the files that are changed.
        refused: Kinds of changes after which another result than before is nonsense.
        optional: Names of files that may be missing.
        names_file: Whether an error has to name the file.
        change: Changes a file; as its name suggests without.
        run: Runs a case by its number, for readers whose cases are made elsewhere.
        writes: Whether reading changes files too.
        says: An error that need not name the file, if a file is missing that need not be there.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    files: tuple[str, ...] = ("*",)
    refused: frozenset[str] = UNREADABLE
    optional: frozenset[str] = frozenset()
    names_file: bool = True
    change: Callable[[str, bytes, random.Random], Change] = change_file
    run: Callable[[int], Outcome] | None = None
    writes: bool = False
    says: str = ""


@dataclass
class Tally:
    """How the cases of a reader ended.

    Args:
        counts: Cases by their end.
        failures: Number, change and what was said, of those that neither gave a right result nor a named error.
    """

    counts: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def fuzz(reader: Reader, numbers: Sequence[int], folder: Path) -> Tally:
    """Run the cases of a reader with some numbers, in forks.

    Args:
        reader: What reads.
        numbers: Seeds of the cases.
        folder: Where files are written.
    """
    good, work = folder / "good", folder / "work"
    work.mkdir(parents=True)
    reader.make(work)  # where it is read: some records have the names of folders
    shutil.copytree(work, good)
    tally = Tally()
    for number, outcome in run_cases(numbers, reader.run or _cases_of(reader, good, work)):
        tally.counts[outcome.kind] = tally.counts.get(outcome.kind, 0) + 1
        if outcome.kind not in ("right", "named error"):
            tally.failures.append(f"{reader.name} {number}: {outcome.kind}: {outcome.detail}")
    shutil.rmtree(folder)
    return tally


def _cases_of(reader: Reader, good: Path, work: Path) -> Callable[[int], Outcome]:
    contents = {
        str(path.relative_to(good)): path.read_bytes()
        for pattern in reader.files
        for path in sorted(good.glob(pattern))
        if path.is_file()
    }
    if not contents:
        raise ValueError(f"{reader.name} has no files like {', '.join(reader.files)}.")
    expected: list[Any] = []

    def case(number: int) -> Outcome:
        if not expected:
            _fresh(good, work)
            try:
                expected.append(_plain(reader.read(work)))
            except Exception as error:
                return Outcome("broken reader", f"the good files are refused: {error!r}")
            _fresh(good, work)
        rng = random.Random(f"{reader.name} {number}")
        name = rng.choice(sorted(contents))
        change = reader.change(name, contents[name], rng)
        path = work / name
        path.unlink()
        if change.content is not None:
            path.write_bytes(change.content)
        outcome = _outcome(reader, work, name, change, expected[0])
        if reader.writes:
            _fresh(good, work)
        else:
            path.write_bytes(contents[name])
        return Outcome(outcome.kind, f"{name}, {change.what}: {outcome.detail}")

    return case


def _fresh(good: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(good, work)


def _outcome(reader: Reader, work: Path, name: str, change: Change, expected: Any) -> Outcome:  # noqa: ANN401 - any result
    with _said() as said:
        try:
            result = _plain(reader.read(work))
        except MemoryError:
            raise
        except NonsenseError as error:
            return Outcome("silent nonsense", str(error))
        except NAMED_ERRORS as error:
            if change.kind == MISSING and reader.says and reader.says in str(error):
                return Outcome("named error", str(error))
            return _named(reader, work, name, error)
        except Exception as error:
            if "can't allocate memory" in str(error) or "bad_alloc" in str(error):
                return Outcome("over memory", repr(error))
            return Outcome("other exception", repr(error))
    if result == expected:
        return Outcome("right")
    is_allowed = change.kind == MISSING and Path(name).name in reader.optional
    if change.kind in reader.refused and not is_allowed:
        kind = (
            "named error" if any(Path(name).name in each or str(work) in each for each in said) else "silent nonsense"
        )
        return Outcome(kind, f"{change.kind} and read: {result!r:.200}")
    return Outcome("right")


def _named(reader: Reader, work: Path, name: str, error: Exception) -> Outcome:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        message = f"{error.filename}: {error.strerror}"
    else:
        message = str(error)
    is_named = Path(name).name in message or str(work) in message
    if not message.strip() or (reader.names_file and not is_named):
        return Outcome("other exception", f"names no file: {error!r}")
    return Outcome("named error", message)


@contextmanager
def _said() -> Iterator[list[str]]:
    """Warnings, and what is logged as such."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler = Keep(logging.WARNING)
    loggers = [logging.getLogger(name) for name in (None, "transformers")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = lambda message, *_, **__: said.append(str(message))
            yield said
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def _plain(result: Any) -> Any:  # noqa: ANN401 - any result
    """Arrays as bytes, so that results can be compared."""
    if hasattr(result, "tobytes"):
        return (str(result.dtype), tuple(result.shape), result.tobytes())
    if isinstance(result, list | tuple):
        return [_plain(each) for each in result]
    return result


def check(is_right: bool, what: str) -> None:
    """Refuse a result that no file can have."""
    if not is_right:
        raise NonsenseError(what)

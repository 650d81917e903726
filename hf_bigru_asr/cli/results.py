"""Where transcripts go: a file for each recording and format, one file for all, or standard output.

Whatever ends the process, a file is whole or not there.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ..formats.options import FormatOptions
from ..formats.table import FORMATS
from ..formats.transcript import TimedTranscript, readable
from ..storage.disk_errors import DISK_ERRNOS
from ..storage.seals import sealed, unsealed
from ..storage.writing import write_bytes
from .beside import OwnFiles
from .inputs import Input
from .one_line import CommandError, in_one_line

__all__ = ["OneFile", "Printed", "ResultFiles", "Results", "SharedFile", "results_lock", "write_whole"]

NAMED = frozenset({"ctm", "stm", "rttm"})
"""Formats of several recordings, which are told apart by names without folder and ending."""


class Results(Protocol):
    """Takes transcripts."""

    def are_there(self, recording: Input) -> bool:
        """Whether nothing is left to do for a recording."""

    def in_the_way(self, recording: Input) -> Path | None:
        """A file of another origin where a result of the recording belongs, which is left as it is."""

    def write(self, recording: Input, transcript: TimedTranscript) -> None:
        """Write what is finished in any order; several threads do so at once.

        Raises:
            CommandError: If nothing can be written any more.
            ValueError: If this transcript cannot be written.
        """

    def show(self, recording: Input, transcript: TimedTranscript) -> None:
        """Write what is one stream, in the order of the recordings."""

    def end(self, *, is_complete: bool) -> None:
        """Tell that all recordings were taken, and whether all of them have results."""


class ResultFiles:
    """A file for each recording and each format.

    Args:
        formats: Names of formats.
        options: How transcripts are shown.
        folder: Where the tree is; beside the recordings if `None`.
        overwrite: Whether to write what exists.

    In an output folder what exists is a result. Beside recordings it is one only if this command wrote it.
    """

    def __init__(
        self, formats: Sequence[str], options: FormatOptions, folder: Path | None, *, overwrite: bool = False
    ) -> None:
        self._formats = [FORMATS[name] for name in formats]
        self._options, self._folder, self._overwrite = options, folder, overwrite
        self._own = OwnFiles() if folder is None else None

    def paths(self, recording: Input) -> list[Path]:
        """Where the results of a recording are, by format."""
        if self._folder is None:
            base = Path(recording.source).parent / recording.place.name
        else:
            base = self._folder / recording.place
        return [base.with_name(base.name + each.suffix) for each in self._formats]

    def are_there(self, recording: Input) -> bool:
        """Whether all of its files exist, and are not to be overwritten."""
        return not self._overwrite and all(path.exists() for path in self.paths(recording))

    def in_the_way(self, recording: Input) -> Path | None:
        """A file beside the recording that this command did not write, and does not replace."""
        if self._own is None or self._overwrite:
            return None
        return next((path for path in self.paths(recording) if path.exists() and path not in self._own), None)

    def write(self, recording: Input, transcript: TimedTranscript) -> None:
        """Write the files of a recording; see [`Results`]."""
        for path, each in zip(self.paths(recording), self._formats, strict=True):
            if self._overwrite or not path.exists():
                text = each.write(transcript, self._options)
                _make_folder(path.parent)
                if self._own is not None:
                    with _as_refusals(path):
                        self._own.add(path)
                write_whole(path, text.encode("utf-8", "backslashreplace"))

    def show(self, recording: Input, transcript: TimedTranscript) -> None:
        """Nothing is left to do."""

    def end(self, *, is_complete: bool) -> None:
        """Nothing is left to do."""


class OneFile:
    """The transcript of the one recording in a file, in any format.

    Args:
        path: The file.
        format_name: Name of the format.
        options: How the transcript is shown.
        overwrite: Whether to write the file if it exists.
    """

    def __init__(self, path: Path, format_name: str, options: FormatOptions, *, overwrite: bool = False) -> None:
        self._path, self._format, self._options = path, FORMATS[format_name], options
        self._overwrite = overwrite

    def are_there(self, recording: Input) -> bool:
        """Whether the file exists, and is not to be overwritten."""
        return not self._overwrite and self._path.exists()

    def in_the_way(self, recording: Input) -> None:
        """Nothing: what exists is the result."""

    def write(self, recording: Input, transcript: TimedTranscript) -> None:
        """Write the file; see [`Results`]."""
        text = self._format.write(transcript, self._options)
        write_whole(self._path, text.encode("utf-8", "backslashreplace"))

    def show(self, recording: Input, transcript: TimedTranscript) -> None:
        """Nothing is left to do."""

    def end(self, *, is_complete: bool) -> None:
        """Nothing is left to do."""


class SharedFile:
    """The transcripts of all recordings in one file, in their order.

    A second file beside it says up to where the first one is whole, and what it holds. With it the next run goes on;
    it is removed when all is done.

    Args:
        path: The file.
        format_name: A format whose transcripts can follow each other.
        options: How transcripts are shown.
        overwrite: Whether to begin anew.

    Raises:
        CommandError: If the file cannot be written, or was changed since the last run.
    """

    def __init__(self, path: Path, format_name: str, options: FormatOptions, *, overwrite: bool = False) -> None:
        self._path, self._format, self._options = path, FORMATS[format_name], options
        self._names = _Names(format_name)
        self._record_path = path.with_name(f".{path.name}.hf-bigru-asr-progress")
        self._done: set[str] = set()
        _make_folder(path.parent)
        try:
            if overwrite:
                self._record_path.unlink(missing_ok=True)
                path.unlink(missing_ok=True)
            self.is_complete = path.exists() and not self._record_path.exists()
            if not self.is_complete:
                self._open()
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}; nothing can be written there", status=1) from error

    def _open(self) -> None:
        size = 0
        whole = b""
        if self._record_path.exists():
            for number, line in enumerate(self._record_path.read_bytes().splitlines(keepends=True), 1):
                if not line.endswith(b"\n"):  # the process ended while it wrote this
                    break
                if (entry := unsealed(line)) is None:
                    raise CommandError(
                        f"{self._record_path}, line {number}, is broken or of another version; remove it and "
                        f"{self._path}, or give --overwrite"
                    )
                size = entry["bytes"]
                self._done.add(entry["recording"])
                self._names.add(entry["name"])
                whole += line
        write_bytes(self._record_path, whole)
        self._record = open(self._record_path, "ab", buffering=0)  # noqa: SIM115 - closed in end
        self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - the same
        if self._file.tell() < size:
            raise CommandError(
                f"{self._path} is shorter than the last run left it; remove it and {self._record_path}, or give "
                "--overwrite"
            )
        self._file.truncate(size)

    def are_there(self, recording: Input) -> bool:
        """Whether its transcript is in the file."""
        return self.is_complete or _key(recording) in self._done

    def in_the_way(self, recording: Input) -> None:
        """Nothing: what the file holds is told by the second one."""

    def write(self, recording: Input, transcript: TimedTranscript) -> None:
        """Nothing: see [`show`]."""

    def show(self, recording: Input, transcript: TimedTranscript) -> None:
        """Append the transcript; see [`Results`]."""
        if transcript.error is not None:
            return
        block = self._format.write(transcript, self._options).encode("utf-8", "backslashreplace")
        name = self._names.check(transcript)
        try:
            _write_all(self._file.fileno(), block)
            os.fsync(self._file.fileno())
            entry = {"bytes": os.fstat(self._file.fileno()).st_size, "recording": _key(recording), "name": name}
            _write_all(self._record.fileno(), f"{sealed(entry)}\n".encode())
            os.fsync(self._record.fileno())
        except OSError as error:
            raise CommandError(f"{self._path}: {error.strerror}; what was finished is in it", status=1) from error
        self._done.add(_key(recording))
        self._names.add(name)

    def end(self, *, is_complete: bool) -> None:
        """Close the file; it is complete when every recording has its transcript."""
        if self.is_complete:
            return
        self._file.close()
        self._record.close()
        if is_complete:
            self._record_path.unlink(missing_ok=True)


class Printed:
    """Transcripts on standard output.

    Args:
        format_name: Name of a format.
        options: How transcripts are shown.
        is_one: Whether there is one recording, whose text needs no name.
        around: What is called with the function that prints.
    """

    def __init__(
        self,
        format_name: str,
        options: FormatOptions,
        *,
        is_one: bool,
        around: Callable[[Callable[[], None]], None] = lambda show: show(),
    ) -> None:
        self._name, self._format, self._options = format_name, FORMATS[format_name], options
        self._is_one, self._around = is_one, around
        self._names = _Names(format_name)

    def are_there(self, recording: Input) -> bool:
        """Never: what was printed once is printed again."""
        return False

    def in_the_way(self, recording: Input) -> None:
        """Nothing."""

    def write(self, recording: Input, transcript: TimedTranscript) -> None:
        """Nothing: see [`show`]."""

    def show(self, recording: Input, transcript: TimedTranscript) -> None:
        """Print the transcript, in text with the name of the recording if there are several."""
        if transcript.error is not None and not self._format.holds_errors:
            return
        text = self._format.write(transcript, self._options)
        self._names.add(self._names.check(transcript))
        if self._name == "txt" and not self._is_one:
            lines = text.splitlines() or [""]
            source = in_one_line(recording.source)
            text = "".join(f"{source}: {line}\n" for line in lines)

        def show() -> None:
            sys.stdout.write(text)
            sys.stdout.flush()

        self._around(show)

    def end(self, *, is_complete: bool) -> None:
        """Nothing is left to do."""


@contextmanager
def results_lock(folder: Path | None, file: Path | None) -> Iterator[None]:
    """Keep the output for this run while the body runs.

    Args:
        folder: Output folder, if results go to one.
        file: Output file, if all results go to one.

    Raises:
        CommandError: If nothing can be written there.
        FolderInUseError: If another run writes there.
    """
    if folder is None and file is None:
        yield
        return
    from ..storage.locks import file_lock, folder_lock

    if folder is not None:
        _make_folder(folder)
        with folder_lock(folder):
            yield
    elif file is not None:
        _make_folder(file.parent)
        with file_lock(file):
            yield


class _Names:
    """Names of the recordings in one output, in formats that tell recordings apart by them alone."""

    def __init__(self, format_name: str) -> None:
        self._format_name = format_name
        self._seen: set[str] = set()

    def check(self, transcript: TimedTranscript) -> str | None:
        """What stands for the name of a recording, where it matters.

        Raises:
            ValueError: If another recording has this name.
        """
        if self._format_name not in NAMED:
            return None
        name = _digest(transcript.name)
        if name in self._seen:
            raise ValueError(
                f"another recording is {transcript.name} in {self._format_name} too; give --output-dir for a file of "
                "each, or rename one"
            )
        return name

    def add(self, name: str | None) -> None:
        """Keep what `check` gave."""
        if name is not None:
            self._seen.add(name)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or leave what was there.

    Raises:
        CommandError: If the disk takes no more.
        ValueError: If the file cannot be written for another reason.
    """
    with _as_refusals(path):
        write_bytes(path, content)


@contextmanager
def _as_refusals(path: Path) -> Iterator[None]:
    """Errors of the system as `write_whole` describes them."""
    try:
        yield
    except OSError as error:
        what = f"{readable(str(path))} cannot be written: {error.strerror}"
        if error.errno in DISK_ERRNOS:
            raise CommandError(what, status=1) from error
        raise ValueError(what) from error


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"{readable(str(folder))}: {error.strerror}; no results can be written there", status=1
        ) from error


def _key(recording: Input) -> str:
    """Stands for a recording, so that long names need not be kept."""
    return _digest(recording.source)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

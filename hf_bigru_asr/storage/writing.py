"""Files and folders that are whole or not there, whatever ends the process.

They are written under a hidden name that no reader takes, flushed to disk, and renamed.
"""

import errno
import hashlib
import json
import os
import platform
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from .disk_errors import DISK_ERRNOS, STAGING_PREFIX, naming_the_file
from .exchange import exchange_names

__all__ = [
    "check_writable",
    "flush_tree",
    "put_in_place",
    "sweep",
    "whole_file",
    "whole_files",
    "whole_folder",
    "write_bytes",
    "write_json",
    "write_text",
]

_STAGING = re.compile(re.escape(STAGING_PREFIX) + r"(?P<host>[0-9a-f]{8})-(?P<process>\d+)-\d+\.partial")
_numbers = count()
_swept: set[tuple[int, Path]] = set()  # with the process: a forked one sweeps for itself


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A place to write a file to, which becomes `path` when the body is done.

    The place is a hidden name in the same folder. Its suffix is not that of `path`, so that no pattern takes it. An
    existing file is replaced and keeps its permissions. On an error it stays as it was. Links are followed. A device
    or a pipe is written directly.

    Args:
        path: The file. Its folder is made if need be.

    Yields:
        Where the body writes. There is no file yet.

    Raises:
        OSError: If the disk takes no more, or the file cannot be written for another reason. It names `path`.
        FileNotFoundError: If the body wrote nothing.

    Example:
        >>> with whole_file("results/words.txt") as staging:
        ...     _ = staging.write_text("HELLO", encoding="utf-8")
    """
    if _is_device(path):
        with naming_the_file(path):
            yield Path(path)
        return
    target = Path(os.path.realpath(path))
    with naming_the_file(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        _sweep_once(target.parent)
        staging = target.parent / _staging_name()
        try:
            yield staging
            if target.exists():
                shutil.copymode(target, staging)
            put_in_place(staging, target)
        finally:
            staging.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path, *, without: Collection[str] = ()) -> Iterator[Path]:
    """A folder to write to, which becomes `path` when the body is done.

    What lies in an existing folder and is not written anew stays there, but for what `without` names. Old and new
    change places in one step, so a process that is killed leaves the one or the other. Where the system has no such
    step, new files are moved into the folder one by one; so they are into a mount point and the working directory.

    Args:
        path: The folder. Folders above it are made if need be.
        without: Names of files at the top of the old folder that would be wrong beside the new ones.

    Yields:
        An empty hidden folder.

    Raises:
        NotADirectoryError: If `path` is a file.
        OSError: If the disk takes no more, or the folder cannot be written for another reason. It names `path`.

    Example:
        >>> with whole_folder("model") as staging:
        ...     _ = (staging / "config.json").write_text("{}", encoding="utf-8")
    """
    target = Path(os.path.realpath(path))
    with naming_the_file(path):
        if target.exists() and not target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        can_swap = not (target.is_mount() or Path.cwd().is_relative_to(target)) and os.access(target.parent, os.W_OK)
        if not can_swap:
            target.mkdir(exist_ok=True)
        with _staging_folder(target.parent if can_swap else target) as staging:
            yield staging
            flush_tree(staging)
            written = _files_in(staging)
            if not (can_swap and _swap(staging, target, without)):
                for name in without:
                    (target / name).unlink(missing_ok=True)
                _move_into(target, staging, written)
            _flush_folder(target.parent)


@contextmanager
def whole_files(folder: str | Path) -> Iterator[Path]:
    """A folder to write to, whose files are moved into `folder` one by one when the body is done.

    For a folder that is in use while it is written to. Each file is whole, and none is there before all are.

    Args:
        folder: Where the files go, made if need be.

    Yields:
        An empty hidden folder.

    Raises:
        OSError: If the disk takes no more, or the folder cannot be written for another reason. It names `folder`.
    """
    target = Path(os.path.realpath(folder))
    with naming_the_file(folder):
        target.mkdir(parents=True, exist_ok=True)
        with _staging_folder(target) as staging:
            yield staging
            flush_tree(staging)
            _move_into(target, staging, _files_in(staging))


def check_writable(path: str | Path) -> None:
    """Find out, before long work, whether a file can be written; it is not touched.

    Raises:
        OSError: If it cannot.
    """
    target = Path(os.path.realpath(path))
    if _is_device(path):
        return
    with naming_the_file(path):
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = target.parent / _staging_name()
        staging.touch()
        staging.unlink()


def put_in_place(staging: str | Path, path: str | Path) -> None:
    """Flush a file that was written under another name of the same folder or file system, and give it its own name."""
    _flush(Path(staging))
    os.replace(staging, path)
    _flush_folder(Path(path).parent)


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all; see [`whole_file`]."""
    with whole_file(path) as staging:
        staging.write_bytes(content)


def write_text(path: str | Path, text: str) -> None:
    """Write a file in UTF-8 whole or not at all; see [`whole_file`]."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | Path, value: Any) -> None:  # noqa: ANN401 - whatever JSON has
    """Write a value as indented JSON whole or not at all; see [`whole_file`].

    Raises:
        TypeError: If JSON has no such value; nothing is written then.
    """
    write_text(path, json.dumps(value, indent=2) + "\n")


def flush_tree(folder: str | Path) -> None:
    """Flush all files of a folder to disk, so that they survive a power failure."""
    for where, _, names in os.walk(folder):
        for name in names:
            if not os.path.islink(file := os.path.join(where, name)):
                _flush(Path(file))
        _flush_folder(Path(where))


def sweep(folder: Path) -> None:
    """Remove what a process of this machine left in a folder when it was killed."""
    if not folder.is_dir():
        return
    for name in os.listdir(folder):
        found = _STAGING.fullmatch(name)
        if found and found["host"] == _host() and not _is_alive(int(found["process"])):
            left = folder / name
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _is_device(path: str | Path) -> bool:
    """Whether a path is a device or a pipe; `/dev/fd/3` has no other name than this."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _sweep_once(folder: Path) -> None:
    """Sweep a folder at the first file that this process writes there: it may hold very many."""
    if (key := (os.getpid(), folder)) not in _swept:
        sweep(folder)
        _swept.add(key)


def _staging_name() -> str:
    return f"{STAGING_PREFIX}{_host()}-{os.getpid()}-{next(_numbers)}.partial"


@contextmanager
def _staging_folder(place: Path) -> Iterator[Path]:
    sweep(place)
    staging = place / _staging_name()
    staging.mkdir()
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _files_in(folder: Path) -> list[tuple[Path, str]]:
    """Folder and name of every file."""
    return [(Path(where), name) for where, _, names in os.walk(folder) for name in sorted(names)]


def _swap(staging: Path, target: Path, without: Collection[str]) -> bool:
    """Put the new folder in the place of the old one; whether that was possible in one step."""
    try:
        os.rename(staging, target)  # where there is none, or an empty one
    except OSError as error:
        if error.errno in DISK_ERRNOS:
            raise
    else:
        return True
    try:
        _link_others(target, staging, without)
        shutil.copymode(target, staging)
        exchange_names(staging, target)
    except OSError as error:
        if error.errno in DISK_ERRNOS:
            raise
        return False
    return True


def _link_others(old: Path, new: Path, without: Collection[str]) -> None:
    """Give the new folder what only the old one has; the old one loses nothing."""
    for where, folders, names in os.walk(old):
        inside = new.joinpath(os.path.relpath(where, old))
        if inside.exists() and not inside.is_dir():
            folders.clear()
            continue
        folders[:] = [name for name in folders if not _STAGING.fullmatch(name)]
        inside.mkdir(exist_ok=True)
        links = [name for name in folders if os.path.islink(os.path.join(where, name))]
        for name in [*names, *links]:
            is_wrong = _STAGING.fullmatch(name) or (inside == new and name in without)
            if not is_wrong and not os.path.lexists(inside / name):
                os.link(os.path.join(where, name), inside / name, follow_symlinks=False)


def _move_into(target: Path, staging: Path, written: list[tuple[Path, str]]) -> None:
    for where, name in written:
        inside = target / where.relative_to(staging)
        inside.mkdir(parents=True, exist_ok=True)
        os.replace(where / name, inside / name)
    for folder in {target / where.relative_to(staging) for where, _ in written}:
        _flush_folder(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    """Let new names survive a power failure, where folders can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot
            raise
    finally:
        os.close(descriptor)


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    return hashlib.blake2b(platform.node().encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()[:8]

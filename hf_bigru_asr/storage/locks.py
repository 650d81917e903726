"""One process at a time for an output folder or an output file."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .disk_errors import naming_the_file

__all__ = ["FolderInUseError", "file_lock", "folder_lock"]

_LOCK_NAME = ".hf-bigru-asr.lock"


class FolderInUseError(OSError):
    """Another run writes to the output folder, or to the output file."""


@contextmanager
def folder_lock(folder: str | Path) -> Iterator[None]:
    """Keep a folder for this process while the body runs.

    The system takes the lock from a process that ends, however it ends.

    Args:
        folder: The output folder, made if need be.

    Raises:
        FolderInUseError: If another run has it. The message names the folder, and the process if it is known.
        OSError: If the folder cannot be written.

    Example:
        >>> with folder_lock("segments"):
        ...     print("mine")
        mine
    """
    with _held(Path(os.path.realpath(folder)) / _LOCK_NAME, str(folder), "folder"):
        yield


@contextmanager
def file_lock(path: str | Path) -> Iterator[None]:
    """Keep a file for this process while the body runs, as `folder_lock` does with a folder.

    Args:
        path: The output file. Its folder is made if need be.
    """
    target = Path(os.path.realpath(path))
    digest = hashlib.blake2b(os.fsencode(target.name), digest_size=8).hexdigest()
    with _held(target.parent / f".hf-bigru-asr-{digest}.lock", str(path), "file"):
        yield


@contextmanager
def _held(path: Path, name: str, kind: str) -> Iterator[None]:
    with naming_the_file(name):
        path.parent.mkdir(parents=True, exist_ok=True)
    holder = _read_holder(path)
    # A generator that holds it may be closed by another thread.
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        who = f"process {holder}" if holder else "another process"
        raise FolderInUseError(
            f"{name} is in use by {who}; wait for its end, or give another output {kind}."
        ) from None
    try:
        path.write_text(f"{os.getpid()}\n", encoding="ascii")
        yield
    finally:
        # Whoever opened it meanwhile sees that it has no name any more, and opens the next one.
        path.unlink(missing_ok=True)
        lock.release()


def _read_holder(path: Path) -> str:
    """Number of the process that wrote the file last."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return text if text.isdecimal() else ""

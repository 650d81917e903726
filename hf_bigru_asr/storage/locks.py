"""One process at a time for an output folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .writing import naming_the_file

__all__ = ["FolderInUseError", "folder_lock"]

LOCK_NAME = ".hf-bigru-asr.lock"


class FolderInUseError(OSError):
    """Another run writes to the output folder."""


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
    place = Path(os.path.realpath(folder))
    with naming_the_file(folder):
        place.mkdir(parents=True, exist_ok=True)
    path = place / LOCK_NAME
    holder = _read_holder(path)
    # A generator that holds it may be closed by another thread.
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        who = f"process {holder}" if holder else "another process"
        raise FolderInUseError(
            f"{folder} is in use by {who}; wait for its end, or give another output folder."
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

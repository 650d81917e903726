"""What a disk says that takes nothing more, also where a library hides it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["DISK_ERRNOS", "STAGING_PREFIX", "naming_the_file"]

DISK_ERRNOS = frozenset({errno.ENOSPC, errno.EIO, errno.EROFS, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""Numbers of errors of a disk that takes nothing more."""

STAGING_PREFIX = ".hf-bigru-asr-"
"""How the names begin under which files are written, which no user knows."""

# Libraries that write by themselves hide the error of the system in a text of their own: safetensors, torch.
_HIDDEN_NUMBER = re.compile(r"\bos error (\d+)\b")
_HIDDEN_FAILURE = re.compile(r"file write failed|PytorchStreamWriter failed|inline_container")


@contextmanager
def naming_the_file(path: str | Path) -> Iterator[None]:
    """Let what the disk refuses in the body name `path`, also where a library hides the error of the system.

    Args:
        path: What the body writes, as the user knows it.

    Raises:
        OSError: Instead of any exception that says that the disk takes no more, with a number of `DISK_ERRNOS`, and
            instead of another one that names a file in the making.
    """
    try:
        yield
    except Exception as error:
        found = _disk_error(error)
        if found is None:
            if isinstance(error, OSError) and STAGING_PREFIX in str(error.filename):
                raise type(error)(error.errno, error.strerror, str(path)) from error
            raise
        number, reason = found
        raise OSError(number, f"{reason}; what was finished before is kept", str(path)) from error


def _disk_error(error: Exception) -> tuple[int, str] | None:
    """Number and text of an error of the disk; `None` for any other exception."""
    number: int | None
    if isinstance(error, OSError):
        number = error.errno
    elif hidden := _HIDDEN_NUMBER.search(str(error)):
        number = int(hidden[1])
    elif _HIDDEN_FAILURE.search(str(error)):
        return errno.EIO, "it cannot be written, the disk may be full"
    else:
        return None
    return (number, os.strerror(number)) if number is not None and number in DISK_ERRNOS else None

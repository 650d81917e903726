"""Two names of one file system that change places in one step."""

import errno
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["exchange_names"]

# linux/fs.h and fcntl.h, sys/stdio.h of macOS
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2


def exchange_names(first: Path, second: Path) -> None:
    """Let two files or folders change their names in one step, which Python has no function for.

    Args:
        first: One of them.
        second: The other.

    Raises:
        OSError: If the file system or the system cannot do that; nothing is changed then.

    Source: renameat2(2) of Linux, renamex_np(2) of macOS.
    """
    rename = _function("renamex_np" if sys.platform == "darwin" else "renameat2")
    if rename is None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), str(first))
    names = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin":
        status = rename(*names, _RENAME_SWAP)
    else:
        status = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    if status != 0:
        import ctypes

        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(first), None, str(second))


@cache
def _function(name: str) -> Any:  # noqa: ANN401 - a function of C
    if os.name != "posix":
        return None
    import ctypes  # here, because few runs need it

    return getattr(ctypes.CDLL(None, use_errno=True), name, None)

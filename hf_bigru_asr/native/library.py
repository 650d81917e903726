"""The compiled library, if there is one."""

import ctypes
import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

__all__ = ["FILE_NAME", "VERSION", "Owned", "is_available", "load", "required"]

VERSION = 1
"""Of the functions in the library, `bigru_version` of sources/version.c."""
FILE_NAME = {"darwin": "_native.dylib", "win32": "_native.dll"}.get(sys.platform, "_native.so")
SWITCH = "HF_BIGRU_ASR_NATIVE"
"""Environment variable; `0` leaves the library alone."""

_logger = logging.getLogger(__name__)


@cache
def load() -> ctypes.CDLL | None:
    """The library; `None` if it is not there, cannot be loaded, is of another version or is switched off.

    Python runs other threads while a function of it computes.
    """
    if os.environ.get(SWITCH) == "0":
        return None
    path = Path(__file__).with_name(FILE_NAME)
    if not path.is_file():
        return None
    try:
        library = ctypes.CDLL(str(path))
        version = library.bigru_version()
    except (OSError, AttributeError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        _logger.warning("%s cannot be loaded and is not used: %s. Install the package again.", path, reason)
        return None
    if version != VERSION:
        _logger.warning(
            "%s is of version %d, and this package needs %d; it is not used. Run python scripts/build_native.py.",
            path,
            version,
            VERSION,
        )
        return None
    return library


def is_available() -> bool:
    """Whether the library can be used."""
    return load() is not None


def required() -> ctypes.CDLL:
    """The library.

    Raises:
        ImportError: If it cannot be used.
    """
    library = load()
    if library is None and os.environ.get(SWITCH) == "0":
        raise ImportError(f"This needs the compiled part of hf_bigru_asr, which {SWITCH}=0 switches off.")
    if library is None:
        raise ImportError(
            "This needs the compiled part of hf_bigru_asr, which its wheels have; python scripts/build_native.py "
            "makes it in a clone."
        )
    return library


class Owned:
    """Something of the library that is freed with its object."""

    address: int | None = None
    _free: Callable[[int], object]

    def __del__(self) -> None:
        if self.address:
            self._free(self.address)
            self.address = None

    def __reduce__(self) -> str:
        raise TypeError(f"A {type(self).__name__} has memory of its own and cannot be copied or pickled.")

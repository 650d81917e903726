"""Which files beside recordings are results of this command: a reference has the name that a result would have."""

import hashlib
import os
import re
import threading
from functools import lru_cache
from pathlib import Path

__all__ = ["OwnFiles"]

RECORD_NAME = ".hf-bigru-asr-results"
_ENTRY = re.compile(rb"[0-9a-f]{16}")


class OwnFiles:
    """The files that this command wrote into some folders, by a hidden file in each of them.

    A name is recorded before its file is written. So whatever ends the process, no result is taken for another's file.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names = lru_cache(maxsize=4)(_read)

    def __contains__(self, path: Path) -> bool:
        """Whether a file is recorded."""
        with self._lock:
            return _entry(path) in self._names(path.parent)

    def add(self, path: Path) -> None:
        """Record a file that is about to be written.

        Raises:
            OSError: If the record cannot be written.
        """
        with self._lock:
            names, entry = self._names(path.parent), _entry(path)
            if entry in names:
                return
            with open(path.parent / RECORD_NAME, "ab", buffering=0) as record:
                # The line feed comes first, so that an entry that was cut off by the end of a process ends there.
                record.write(b"\n" + entry)
                os.fsync(record.fileno())
            names.add(entry)


def _read(folder: Path) -> set[bytes]:
    try:
        lines = (folder / RECORD_NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return set()
    return {line for line in lines if _ENTRY.fullmatch(line)}


def _entry(path: Path) -> bytes:
    """Stands for a name, which may have any bytes."""
    return hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest().encode()

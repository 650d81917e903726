"""Records of a program for its own next run, with a checksum: what became of them on the way is noticed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["checksum_of_file", "sealed", "unsealed"]

_SEAL = "checksum"


def sealed(values: Mapping[str, Any]) -> str:
    """A JSON object in one line, with its own checksum.

    Example:
        >>> unsealed(sealed({"bytes": 10}))
        {'bytes': 10}
        >>> unsealed(sealed({"bytes": 10}).replace("10", "11")) is None
        True
    """
    return json.dumps({**values, _SEAL: _digest(values)})


def unsealed(text: str | bytes) -> dict[str, Any] | None:
    """The object of [`sealed`]; `None` if it is another one, or none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    seal = values.pop(_SEAL, None)
    return values if seal == _digest(values) else None


def checksum_of_file(path: Path) -> str:
    """Hexadecimal checksum of the content of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, _hash).hexdigest()


def _digest(values: Mapping[str, Any]) -> str:
    return _hash(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _hash(data: bytes = b"") -> "hashlib.blake2b":
    return hashlib.blake2b(data, digest_size=16)

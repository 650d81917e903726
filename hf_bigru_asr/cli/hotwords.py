"""Hotwords of a command line."""

import sys
from collections.abc import Iterable
from pathlib import Path

from ..runtime.hotwords import parse_hotwords

__all__ = ["read_hotwords", "read_hotwords_file"]


def read_hotwords(entries: Iterable[str]) -> dict[str, float]:
    """Weights by phrase, as [`parse_hotwords`] gives them; the error output shows them, so that a typo is seen.

    Args:
        entries: Each a phrase, or a phrase, a colon and its weight.

    Raises:
        ValueError: If an entry has no words, or characters that no rule covers.
    """
    hotwords = parse_hotwords(entries)
    listed = ", ".join(f"{phrase} with weight {weight:g}" for phrase, weight in hotwords.items())
    sys.stderr.write(f"Hotwords: {listed}\n")
    return hotwords


def read_hotwords_file(path: Path) -> list[str]:
    """The entries of a file with one a line, as [`parse_hotwords`] takes them; `#` begins a comment.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no text in UTF-8, or an entry cannot be used; the message has the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the list of hotwords as UTF-8.") from error
    entries = []
    for number, line in enumerate(lines, 1):
        if (entry := line.strip()) and not entry.startswith("#"):
            try:
                parse_hotwords([entry])
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            entries.append(entry)
    return entries

"""Hotwords of a command line."""

import sys
from collections.abc import Iterable

from ..transcription.recognizer import parse_hotwords

__all__ = ["read_hotwords"]


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

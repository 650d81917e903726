"""Stretches of a text that a rule spells out or refuses."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["FindSpans", "Span", "first_rule_wins"]


@dataclass(frozen=True, slots=True)
class Span:
    """The characters from `start` to `end` of a text, and what becomes of them.

    Args:
        start: Position of the first character.
        end: Position after the last character.
        words: What is spoken; unused if `reason` is not empty.
        reason: Why no rule covers the piece; empty if it is spelled out.
        is_number: Whether a hyphen between this and another number means "to".
        integer: Value of a number of digits alone, `None` for any other.
    """

    start: int
    end: int
    words: str = ""
    reason: str = ""
    is_number: bool = False
    integer: int | None = None


FindSpans = Callable[[str], Iterable[Span]]


def first_rule_wins(text: str, rules: Iterable[FindSpans]) -> list[Span]:
    """Return the spans of all rules in order of position; where two overlap, that of the earlier rule."""
    taken = bytearray(len(text))
    spans: list[Span] = []
    for find in rules:
        for span in find(text):
            if not any(taken[span.start : span.end]):
                taken[span.start : span.end] = b"\x01" * (span.end - span.start)
                spans.append(span)
    return sorted(spans, key=lambda span: span.start)

"""Pieces that people speak in more than one way, or that are not spoken: refused by name."""

import re
from collections.abc import Iterator
from math import gcd

from .numbers import cardinal, fraction
from .spans import Span

__all__ = ["find_addresses", "find_fractions", "find_refused", "find_unclear_numbers"]

_ADDRESSES = {
    "address": (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", "an e-mail address"),
    "url": (
        r"(?i:https?://|www\.)[^\s\"]+|(?<![\w.@])[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|co\.uk|org\.uk|ac\.uk)"
        r"(?!\w)(?:/[^\s\"]*)?",
        "a web address",
    ),
    "short": (r"(?<![A-Za-z/])(?:[Ww]/o?|c/o)(?![A-Za-z/])", "an abbreviation that no rule knows"),
}
_ADDRESS = re.compile("|".join(f"(?P<{name}>{pattern})" for name, (pattern, _) in _ADDRESSES.items()), re.ASCII)
_ADDRESS_SIGN = re.compile(r"[@/]|www\.|\.(?:com|org|net|edu|gov|io|uk)", re.IGNORECASE)
_REFUSED = {
    "phone": (
        r"\+\d[\d ()-]{6,}\d|\(\d{3,5}\) ?\d{3}[ -]?\d{3,4}(?!\d)|(?<![\w-])1?-?\d{3}-\d{3}-\d{4}(?!\d)"
        r"|(?<![\w-])\d{3}-(?!\d\d[05]0)\d{4}(?![\w-])|(?<![\w.,])0\d{2,5} \d{3,8}(?: \d{3,4})?(?!\d)"
        r"|(?<![\w-])\d{3}-0\d\d+(?!\d)|(?<![\w.,])\d{3} 0\d{3}(?!\d)",
        "a telephone number",
    ),
    "date": (
        r"(?<![\w/-])(?:\d{4}-\d\d?-\d\d?|\d{1,4}/\d{1,2}/\d{2,4}|\d{1,2}\.\d{1,2}\.\d{4})(?!\d)",
        "a date in digits: write the month as a word",
    ),
    "seconds": (r"\d+:\d\d:\d\d(?:\.\d+)?", "a time with seconds"),
    "points": (r"(?<![\d.])\d{1,3}(?:\.\d{3}){2,}(?!\d)", "full stops between groups of digits"),
    "apostrophes": (r"\d{1,3}(?:'\d{3})+(?!\d)", "apostrophes between groups of digits"),
    "comma": (
        r"(?<![\d,.])(?!\d{1,3}(?:,\d{3})+(?!\d|,\d))\d+(?:,\d+)+",
        "a decimal comma, groups of digits or a list?",
    ),
    "currency": (
        r"(?<![A-Za-z])(?:[A-Za-z]{1,3}|(?:US|AU|CA|NZ|HK) )[$£€¥] ?\d[\d.,]*",
        "the currency of another country",
    ),
    "arithmetic": (r"\d+(?:-\d+)+ ?=", "minus or a hyphen?"),
    "times": (r"\d+ ?x ?\d+", "BY or TIMES?"),
    "power": (r"(?<![A-Za-z])[kcm]?m[23](?!\w)", "a unit with a power"),
    "arc": ("\u00b0\\d[\\d'\"]*", "minutes of arc"),
}
_HARD = re.compile("|".join(f"(?P<{name}>{pattern})" for name, (pattern, _) in _REFUSED.items()), re.ASCII)
_UNCLEAR = {
    "metres": (r"(?<![\w.,$£€¥])\d[\d.,]*(?:\ ?m|\ M)(?![\w'/&]|\.\w)", "METERS or MILLION?"),
    "inches": (r"\d \bin\.", "INCHES or the preposition?"),
    "dotted": (
        r"(?<=\bat )\d\d?\.[0-5]\d(?=[.,;!?]?$|[,;]| on\b| in the\b| this\b| tonight\b| tomorrow\b)",
        "a time or a decimal number?",
    ),
    "suffix": (
        r"\d*(?:1[123](?:st|nd|rd)|(?<!1)1(?:nd|rd|th)|(?<!1)2(?:st|rd|th)|(?<!1)3(?:st|nd|th)|[04-9](?:st|nd|rd))(?!\w)",
        "not an ordinal number",
    ),
    "noughties": (r"(?<![\d.,])00'?s(?!\w)", "a decade, or zeros?"),
    "aircraft": (r"(?<=Boeing )\d{3}-\d+", "a range or a type?"),
    "clock": (r"\d+:\d+", "not a time of day"),
    "slash": (
        r"(?:[$£€¥]?[\d.,]*\d%?)/[\w/]*|(?<![\w])\w+/\d\w*",
        "a fraction, a date or a choice?",
    ),
}
_UNCLEAR_PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, (pattern, _) in _UNCLEAR.items()), re.ASCII)
_FRACTION = re.compile(
    r"(?<![\w/.,:$£€¥])(?:(?P<whole>\d+)[ -])?(?P<part>\d{1,2})/(?P<parts>\d{1,2})(?![\w/%]|[.,]\d)", re.ASCII
)
_DATE_BEFORE = re.compile(r"\b(?:on|by|since|until|from|before|after|dated) $", re.IGNORECASE)
_PARTS = frozenset((*range(2, 10), 16, 32, 64))
_PARTS_AFTER_WHOLE = _PARTS | {10, 12, 20}
_NAMED = {(24, 7): "twenty four seven", (9, 11): "nine eleven", (50, 50): "fifty fifty"}


def find_addresses(text: str) -> Iterator[Span]:
    """Find e-mail and web addresses, and abbreviations with a slash."""
    if not _ADDRESS_SIGN.search(text):
        return
    for match in _ADDRESS.finditer(text):
        kind = str(match.lastgroup)
        piece = match[0].rstrip(".,;:!?)]}'\" -") if kind == "url" else match[0]
        yield Span(match.start(), match.start() + len(piece), reason=_ADDRESSES[kind][1])


def find_refused(text: str) -> Iterator[Span]:
    """Find what no later rule may touch: telephone numbers, dates in digits, decimal commas."""
    for match in _HARD.finditer(text):
        yield Span(match.start(), match.end(), reason=_REFUSED[str(match.lastgroup)][1])


def find_unclear_numbers(text: str) -> Iterator[Span]:
    """Find numbers that the rules for times, fractions and amounts of money leave, and that others would misread."""
    for match in _UNCLEAR_PATTERN.finditer(text):
        yield Span(match.start(), match.end(), reason=_UNCLEAR[str(match.lastgroup)][1])


def find_fractions(text: str) -> Iterator[Span]:
    """Find fractions: `1/2`, `2 1/2`, `3/4`; and `24/7` and `9/11`."""
    for match in _FRACTION.finditer(text):
        part, parts, whole = int(match["part"]), int(match["parts"]), match["whole"]
        if not whole and (part, parts) in _NAMED:
            yield Span(match.start(), match.end(), _NAMED[part, parts])
            continue
        is_reduced = 0 < part < parts and parts in (_PARTS_AFTER_WHOLE if whole else _PARTS) and gcd(part, parts) == 1
        if not is_reduced or (not whole and _DATE_BEFORE.search(text, 0, match.start())):
            continue
        words = fraction(part, parts)
        if whole:
            words = words.replace("one ", "a ", 1) if parts in (2, 3, 4) else words
            words = f"{cardinal(whole)} and {words}"
        yield Span(match.start(), match.end(), words, "", True)

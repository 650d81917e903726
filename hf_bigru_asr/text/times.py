"""Times of day and dates."""

import re
from collections.abc import Iterator

from .numbers import cardinal, ordinal, two_digits
from .spans import Span

__all__ = ["find_clock_times", "find_dates"]

_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_MONTHS = {name[:3]: name for name in _MONTH_NAMES} | {"Sept": "September"}
_MONTH = rf"(?P<month>(?:{'|'.join(_MONTH_NAMES)})\b|(?:Sept|{'|'.join(name[:3] for name in _MONTH_NAMES)})\b\.?)"
_DAY = "(?:3[01]|[12][0-9]|0?[1-9])"
_DAY_FIRST = re.compile(
    rf"(?<![\w.,:/$£€¥'])(?:(?P<from>{_DAY})(?:st|nd|rd|th)?(?P<and>-| and | to | or ))?"
    rf"(?P<day>{_DAY})(?:st|nd|rd|th)? {_MONTH}",
    re.ASCII,
)
_MONTH_FIRST = re.compile(
    rf"(?<!\w)(?<![Ii]n ){_MONTH} (?P<day>{_DAY})(?:st|nd|rd|th)?(?:-(?P<last>{_DAY})(?:st|nd|rd|th)?)?"
    r"(?![\w%:/]|-(?![A-Z])|[.,]\d| ?%)",
    re.ASCII,
)
_MONTH_BEFORE = re.compile(rf"{_MONTH}-$")
_MONTH_AND_YEAR = re.compile(rf"(?<!\w){_MONTH} (?=[12][0-9]{{3}}(?!\w))", re.ASCII)
_ARTICLE = re.compile(r"(?<![\w'])the $", re.IGNORECASE)
_OCLOCK = re.compile(" o'clock", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?<![\w.:,/$£€¥])(?P<hour>\d\d?)(?:(?P<separator>[:.])(?P<minute>[0-5]\d)(?![\d:]|\.\d))?"
    r"(?P<half>\ ?(?P<letter>[ap])(?P<dot>\.)?\ ?m(?!\w)(?(dot)\.?))?",
    re.ASCII | re.IGNORECASE,
)


def find_dates(text: str) -> Iterator[Span]:
    """Find days of a month: `3 March`, `3rd March`, `3-5 March`, `March 3`, `March 3rd`, `Jan. 3`, `Jan. 2024`."""
    for match in _DAY_FIRST.finditer(text):
        if text[match.start() - 1 : match.start()] == "-" and not _MONTH_BEFORE.search(text, 0, match.start()):
            continue  # covid-19 March
        first = f"{_day(match['from'])} {match['and'].strip(' -') or 'to'} the " if match["from"] else ""
        the = "" if _ARTICLE.search(text, 0, match.start()) else "the "
        words = f"{the}{first}{_day(match['day'])} of {_month(match)}"
        yield Span(match.start(), match.end(), words, is_number=True)
    for match in _MONTH_FIRST.finditer(text):
        last = f" to {_day(match['last'])}" if match["last"] else ""
        yield Span(match.start(), match.end(), f"{_month(match)} {_day(match['day'])}{last}", is_number=True)
    for match in _MONTH_AND_YEAR.finditer(text):
        yield Span(match.start(), match.end() - 1, _month(match))


def _day(day: str) -> str:
    return ordinal(cardinal(day.lstrip("0")))


def _month(match: re.Match[str]) -> str:
    return _MONTHS.get(match["month"].rstrip("."), match["month"])


def find_clock_times(text: str) -> Iterator[Span]:
    """Find times of day: `10:00`, `9:05 am`, `17:30`, `7.45 p.m.`, `10am`."""
    for match in _CLOCK.finditer(text):
        hour, minute, letter = int(match["hour"]), match["minute"] or "00", match["letter"]
        if not (letter or match["separator"] == ":") or not 1 <= hour <= (12 if letter else 23):
            continue
        words = cardinal(str(hour))
        if minute != "00":
            words = f"{words} {two_digits(minute)}"
        elif not letter and hour > 12:
            words = f"{words} hundred"
        elif not letter and not _OCLOCK.match(text, match.end()):
            words = f"{words} o'clock"
        if letter:
            words = f"{words} {letter}{' ' if match['dot'] else ''}m"
        yield Span(match.start(), match.end(), words, "", True)

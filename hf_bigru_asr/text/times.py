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
_DAYS = {"Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday"}
_DAYS |= {"Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday"}
# Short names that are words too ("Mon Dieu", "the Sun") need a full stop, a hyphen or a date beside them.
_SHORT_DAY = re.compile(
    r"(?<![\w'])(?P<day>Tues?|Thu(?:rs?)?|Fri|Mon(?=\.|-[A-Z]|,? \d)|Wed(?=\.|-[A-Z]|,? \d)"
    r"|(?<=Mon-|Tue-|Wed-|Thu-|Fri-|Sat-|Sun-)(?:Sat|Sun|Mon)|(?:Sat|Sun)(?=-(?:Mon|Tue|Wed|Thu|Fri|Sun)(?!\w)))(?![\w'])\.?",
    re.ASCII,
)
_SHORT_MONTHS = re.compile(rf"(?<![\w-])({'|'.join(_MONTHS)})-({'|'.join(_MONTHS)})(?![\w-])", re.ASCII)
_NAMED = (
    rf"(?:(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:nes|s)?(?:day)?s?|{'|'.join(_MONTH_NAMES)}|noon|midnight)"
)
_NAMED_RANGE = re.compile(
    rf"(?<!\w)(?:{_NAMED}|\d[\d:.]*\ ?[ap]\.?m\.?)(?P<hyphen>-)(?={_NAMED}(?!\w)|(?<=n-)\d|(?<=t-)\d)", re.ASCII
)
_TRAVEL = re.compile(" (?:train|bus|flight|ferry|showing)s?(?![a-z])")
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


def find_named_ranges(text: str) -> Iterator[Span]:
    """Find hyphens between days, months, noon and midnight, and short names of days: `Mon-Fri`, `10am-noon`."""
    for match in _NAMED_RANGE.finditer(text):
        yield Span(match.start("hyphen"), match.end("hyphen"), "to")
    for match in _SHORT_MONTHS.finditer(text):
        yield Span(match.start(), match.end(), f"{_MONTHS[match[1]]} to {_MONTHS[match[2]]}")
    for match in _SHORT_DAY.finditer(text):
        yield Span(match.start(), match.end(), _DAYS[match["day"]])


def find_clock_times(text: str) -> Iterator[Span]:
    """Find times of day: `10:00`, `9:05 am`, `17:30`, `7.45 p.m.`, `10am`."""
    for match in _CLOCK.finditer(text):
        hour, minute, letter = int(match["hour"]), match["minute"] or "00", match["letter"]
        is_time = letter or match["separator"] == ":" or (match["minute"] and _TRAVEL.match(text, match.end()))
        if not is_time or not 1 <= hour <= (12 if letter else 23):
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

r"""Transcripts in the 28 characters that the model writes: A to Z, space and apostrophe.

This is the one normalisation of the project: training labels and the references and hypotheses of a score go through
`normalize_transcript`. It is idempotent. Text of capital letters, spaces and apostrophes is taken as a transcript: it
keeps its words, such as those of LibriSpeech. What it does:

| written | result |
|---|---|
| letters | upper case; diacritics are removed (`café` CAFE), and `æ œ ø ß þ ...` are spelled |
| hyphens, dashes, `. , ; : ! ? … ( ) [ ] { } / _`, double quotation marks in all forms | a space |
| `& + = @ °` | AND, PLUS, EQUALS, AT, DEGREES |
| soft hyphen, zero-width characters, byte order mark | nothing |
| curly apostrophes (U+2018, U+2019, U+201B, U+02BC), prime, free-standing accents | apostrophe, see below |
| any other character, such as `#`, `*`, an emoji, a Greek letter; `$` or `%` without a number | refused by name |

Numbers, in the words of `num2words` (with the "and" of LibriSpeech):

| written | result |
|---|---|
| `1,234`; `1 000 000` in narrow or no-break spaces | ONE THOUSAND TWO HUNDRED AND THIRTY FOUR; ONE MILLION |
| `007`, and more than 15 digits | digit by digit: ZERO ZERO SEVEN |
| `1905`, `2019` (bare, 1100 to 2099) | as years: NINETEEN OH FIVE, TWENTY NINETEEN |
| `1990s`, `1980's`, `'90s`, `5s`; `'98` | NINETEEN NINETIES, NINETEEN EIGHTIES, NINETIES, FIVES; NINETY EIGHT |
| `3.14`, `.5`; `1/2`, `2 1/2` | THREE POINT ONE FOUR, POINT FIVE; ONE HALF, TWO AND A HALF |
| `21st` | TWENTY FIRST |
| `5%`, `-5` | FIVE PER CENT (two words, as in LibriSpeech), MINUS FIVE |
| `$5.50`, `£1`, `50¢`, `20 €` | FIVE DOLLARS AND FIFTY CENTS, ONE POUND, FIFTY CENTS, TWENTY EUROS |
| `$2 million`, `$1.2m`, `£3bn`, `$2-3 million` | TWO MILLION DOLLARS, ..., TWO TO THREE MILLION DOLLARS |
| `5k`, `3bn`, `5k run` | FIVE THOUSAND, THREE BILLION, FIVE K RUN |
| `a $5 fee`, `a 5 km walk` | A FIVE DOLLAR FEE, A FIVE KILOMETER WALK |
| `20-30 %`, `1914-18`; `3-1`, `4-4-2` | TWENTY TO THIRTY PER CENT, NINETEEN FOURTEEN TO EIGHTEEN; THREE ONE |
| `10:00`, `9:05 am`, `17:30`, `7.45 p.m.` | TEN O'CLOCK, NINE OH FIVE AM, SEVENTEEN THIRTY, SEVEN FORTY FIVE P M |
| `3 March 2024`, `March 3, 2024` | THE THIRD OF MARCH TWENTY TWENTY FOUR, MARCH THIRD TWENTY TWENTY FOUR |
| `5 km`, `30 mph`, `20 °C`, `8 GB` | FIVE KILOMETERS, THIRTY MILES PER HOUR, TWENTY DEGREES CELSIUS, ... |
| `Henry VIII`, `World War II` | HENRY THE EIGHTH, WORLD WAR TWO |

Abbreviations: `Mr.`, `Mrs.`, `Dr.` are MISTER, MISSUS, DOCTOR, as in LibriSpeech; `No. 5` NUMBER FIVE; `St.` SAINT
before a name, STREET after one; `etc.`, `vs.`, `e.g.`, `i.e.`, `Inc.`, `Jr.` and others in full. Initials and capitals
stay letters (`U.S.` U S, `BBC` BBC).

Refused by name, because people speak them in more than one way: e-mail and web addresses, telephone numbers, dates in
digits (`12/25/2023`), `5m`, `10:61`, `1,5`, `3-0`, `US$5`, `St.` between two names, Roman numerals after other words.

Apostrophes: one between letters is kept (DON'T), and so is one that only opens or only closes a word ('TIS, BOYS',
NOTHIN'). Quotation marks are removed. An apostrophe is one if it opens a word and a later one closes a word ('hello
there' gives HELLO THERE). It is one too in the opening form (U+2018), doubled, or without a letter beside it. A word
of `_ELISIONS` opens no quotation, so 'TIS THE BOYS' FAULT keeps both. Known limit: a plural possessive inside single
quotation marks ends the quotation too early ('the boys' fault,' gives THE BOYS FAULT).
"""

import re
import string
import unicodedata
from typing import Literal

from .abbreviations import find_abbreviations, find_saints_and_streets
from .amounts import find_dialled_numbers, find_money_ranges, find_numbers
from .characters import SPACES, UNKNOWN, WORDS, fold
from .quotation import without_quotation_marks
from .ranges import with_ranges
from .refusals import find_addresses, find_fractions, find_refused, find_unclear_numbers
from .roman import find_roman_numerals
from .spans import FindSpans, Span, first_rule_wins
from .times import find_clock_times, find_dates, find_named_ranges
from .units import find_units

__all__ = ["ALPHABET", "UnknownCharacterError", "normalize_transcript"]

ALPHABET = " '" + string.ascii_uppercase

_MAX_LISTED = 10
_NUMBER_RULES: tuple[FindSpans, ...] = (
    *(find_dates, find_clock_times, find_fractions, find_money_ranges, find_unclear_numbers),
    *(find_dialled_numbers, find_numbers),
)
_WORD_RULES: tuple[FindSpans, ...] = (
    *(find_abbreviations, find_saints_and_streets, find_roman_numerals, find_named_ranges),
)
_DIGIT = re.compile("[0-9]")
_APOSTROPHE_IN_NUMBER = re.compile("(?<=[0-9])'(?=[0-9])(?![0-9]{3}(?![0-9]))")
_TRANSCRIPT = re.compile("[A-Z' ]*")
_PLAIN = re.compile("[A-Z]+(?:[ '][A-Z]+)*")


class UnknownCharacterError(ValueError):
    """A text with characters that no rule covers.

    `listed` names them with their positions: single characters with their code points, longer pieces with the reason.
    """

    def __init__(self, listed: str) -> None:
        """Keep the list as the argument, so that the error survives pickling between processes."""
        super().__init__(listed)
        self.listed = listed

    def __str__(self) -> str:
        """Return what came, what is allowed and what to do."""
        return (
            f"text has characters that no rule covers: {self.listed}. Allowed are Latin letters, English punctuation "
            "and numbers that are spoken in one way (currency signs and % only beside a number): write them as words, "
            "or pass on_unknown='remove' to put spaces in their place"
        )


def normalize_transcript(text: str, *, on_unknown: Literal["error", "remove"] = "error") -> str:
    """Return `text` in the model's alphabet, words separated by one space.

    The rules are in the documentation of this module.

    Args:
        text: An English transcript in any case and with any punctuation.
        on_unknown: Treatment of characters and pieces that no rule covers: "error" refuses them, "remove" replaces
            them by spaces.

    Returns:
        A string over `ALPHABET` without spaces at its ends, perhaps empty.

    Raises:
        UnknownCharacterError: A character or a piece is not covered; the message names each with its position.
        ValueError: `on_unknown` is another word.
        TypeError: `text` is not a string.

    Example:
        >>> normalize_transcript("On May 21st, 1905, she paid $5.50 - didn't she?")
        "ON MAY TWENTY FIRST NINETEEN OH FIVE SHE PAID FIVE DOLLARS AND FIFTY CENTS DIDN'T SHE"
    """
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; it must be a string")
    if on_unknown not in ("error", "remove"):
        raise ValueError(f"on_unknown is {on_unknown!r}; it must be 'error' or 'remove'")
    if _PLAIN.fullmatch(text):  # most of LibriSpeech: the rules change nothing and take a hundred times as long
        return text
    pieces = fold(text)
    folded = _APOSTROPHE_IN_NUMBER.sub(" ", "".join(pieces))
    spans = _spans(folded)
    unknown = _unknown(folded, spans)
    if unknown and on_unknown == "error":
        origins = [origin for origin, piece in enumerate(pieces) for _ in piece]
        raise UnknownCharacterError(_listed(text, unknown, origins))
    spoken = _spoken(folded, sorted([*(span for span in spans if not span.reason), *unknown], key=_start)).upper()
    unquoted = without_quotation_marks(spoken)
    spaced = (" " if char in SPACES else f" {WORDS[char]} " if char in WORDS else char for char in unquoted)
    return " ".join("".join(spaced).split())


def _start(span: Span) -> int:
    return span.start


def _spans(folded: str) -> list[Span]:
    """Return what the rules for numbers and words find in `folded`."""
    if _TRANSCRIPT.fullmatch(folded):  # what this function returned once stays as it is
        return []
    if not _DIGIT.search(folded):
        return first_rule_wins(folded, (find_addresses, *_WORD_RULES, find_units))
    return with_ranges(
        folded, first_rule_wins(folded, (find_addresses, find_refused, *_WORD_RULES, *_NUMBER_RULES, find_units))
    )


def _unknown(folded: str, spans: list[Span]) -> list[Span]:
    """Return the refused pieces, and the characters outside of `spans` that no rule covers."""
    unknown = [span for span in spans if span.reason]
    for match in UNKNOWN.finditer(folded):  # "$", "%" and digits are covered by the span they belong to
        if not any(span.start <= match.start() < span.end for span in spans):
            unknown.append(Span(match.start(), match.end(), reason=" "))
    return sorted(unknown, key=_start)


def _listed(text: str, unknown: list[Span], origins: list[int]) -> str:
    names: list[str] = []
    for span in unknown[:_MAX_LISTED]:
        begin, last = origins[span.start], origins[span.end - 1]
        if span.reason == " ":
            name = unicodedata.name(text[begin], "without a name")
            names.append(f"{text[begin]!r} (U+{ord(text[begin]):04X} {name}) at position {begin}")
        else:
            names.append(f"{text[begin : last + 1]!r} ({span.reason}) at position {begin}")
    listed = ", ".join(names)
    return f"{listed} and {len(unknown) - _MAX_LISTED} more" if len(unknown) > _MAX_LISTED else listed


def _spoken(folded: str, spans: list[Span]) -> str:
    """Return `folded` with the words of each span in its place, and spaces where they touch letters or digits."""
    parts: list[str] = []
    position = 0
    for span in spans:
        parts.append(folded[position : span.start])
        before, after = folded[max(span.start - 1, 0) : span.start], folded[span.end : span.end + 1]
        touches_span = bool(parts) and span.start == position > 0
        parts.append(" " if touches_span or before.isalnum() else "")
        parts.append(" " if span.reason else span.words)
        parts.append(" " if after.isalnum() else "")
        position = span.end
    parts.append(folded[position:])
    return "".join(parts)

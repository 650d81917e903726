r"""Transcripts in the 28 characters that the model writes: A to Z, space and apostrophe.

This is the one normalisation of the project: training labels and the references and hypotheses of a score go through
`normalize_transcript`. It is idempotent, and the identity on the transcripts of LibriSpeech. What it does:

| written | result |
|---|---|
| letters | upper case; diacritics are removed (`café` CAFE), and `æ œ ø ß þ ...` are spelled (`_LETTERS`) |
| hyphens, dashes, `. , ; : ! ? … ( ) [ ] { } / _`, double quotation marks in all forms | a space (`_SPACES`) |
| `& + = @ °` | AND, PLUS, EQUALS, AT, DEGREES (`_WORDS`) |
| soft hyphen, zero-width characters, byte order mark | nothing (`_NOTHING`) |
| curly apostrophes (U+2018, U+2019, U+201B, U+02BC), prime, free-standing accents | apostrophe, see below |
| any other character, such as `#`, `*`, an emoji, a Greek letter; `$` or `%` without a number | refused by name |

Numbers, in the words of `num2words` (with the "and" of LibriSpeech):

| written | result |
|---|---|
| `1,234` | ONE THOUSAND TWO HUNDRED AND THIRTY FOUR |
| `007`, and more than 15 digits | digit by digit: ZERO ZERO SEVEN |
| `1905`, `2019` (bare, 1100 to 2099) | read as years: NINETEEN OH FIVE, TWENTY NINETEEN |
| `1990s`, `'90s`, `5s`; `'98` | NINETEEN NINETIES, NINETIES, FIVES; NINETY EIGHT |
| `3.14`, `.5` | THREE POINT ONE FOUR, POINT FIVE |
| `21st` | TWENTY FIRST |
| `5%`, `-5` | FIVE PER CENT (two words, as in LibriSpeech), MINUS FIVE |
| `$5.50`, `£1`, `50¢`, `20 €` | FIVE DOLLARS AND FIFTY CENTS, ONE POUND, FIFTY CENTS, TWENTY EUROS |
| `$2 million`, `$1.5` | TWO MILLION DOLLARS, ONE POINT FIVE DOLLARS |
| `1/2` | refused: a fraction, a date or a choice |

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

from num2words import num2words

__all__ = ["ALPHABET", "UnknownCharacterError", "normalize_transcript"]

ALPHABET = " '" + string.ascii_uppercase

# Variants of a character, mapped one to one, so that the later rules see one form of each.
_FORMS: dict[int, str] = {
    **dict.fromkeys(map(ord, "\u2019\u02bc\u2032\u00b4`"), "'"),
    0x201B: "\u2018",  # the other opening form
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u2039\u203a\u201a"), '"'),
    # hyphens, dashes from figure to bar, the minus sign, and the small form
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63"), "-"),
    **dict.fromkeys(map(ord, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000"), " "),
    **dict.fromkeys(range(0x2000, 0x200B), " "),
    **{0xFEE0 + code: chr(code) for code in range(0x21, 0x7F)},  # full-width ASCII
}
_SPACES = frozenset(' -.,;:!?\u2026()[]{}/_"')
_WORDS = {"&": "AND", "+": "PLUS", "=": "EQUALS", "@": "AT", "\u00b0": "DEGREES"}
_NOTHING = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f")
_APOSTROPHES = frozenset("'\u2018")
_ASCII_LETTERS = frozenset(string.ascii_letters)
_LETTERS = {
    **{"æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "þ": "th", "ð": "d", "đ": "d", "ł": "l", "ħ": "h", "\u0131": "i"},
    **dict(
        zip("\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06", ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
    ),
}
_KNOWN = _SPACES | _WORDS.keys() | _APOSTROPHES | _ASCII_LETTERS | frozenset(string.digits)
# Words with an elided beginning, as they are written after the apostrophe.
_ELISIONS = frozenset(
    (
        *("TIS", "TWAS", "TWERE", "TWILL", "TWOULD", "TWIXT", "TWEEN", "TISN'T", "TWASN'T", "TWON'T", "TWOULDN'T"),
        *("EM", "UN", "UNS", "TIL", "CAUSE", "COS", "CUZ", "BOUT", "NEATH", "GAINST", "MONGST", "FRAID", "NUFF"),
        *("N", "S", "LL", "D", "VE", "RE", "M", "T"),
    )
)
# One, several, and the hundredth part: one, several.
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "¢": ("cent", "cents", "", ""),
}
_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth"},
    **{"eight": "eighth", "nine": "ninth", "twelve": "twelfth"},
}
_FIRST_YEAR, _LAST_YEAR = 1100, 2099
_MAX_DIGITS = 15
_MAX_LISTED = 10

_NUMBER = re.compile(
    r"""
    (?: (?<![^\s(\["'])(?P<minus>-)(?=[$£€¥]?\.?\d) )?
    (?P<currency>[$£€¥](?=\.?\d))?
    (?: (?<![\w'])'(?=\d\ds?(?![\w'])) )?                      # '98 and '90s: the apostrophe is not spoken
    (?P<number> (?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)(?:\.\d+)? | \d+(?:\.\d+)* | (?<![\w.])\.\d+ )
    (?: (?P<ordinal>st|nd|rd|th)(?!\w) | (?P<plural>s)(?!\w)
      | \ (?P<scale>hundred|thousand|million|billion|trillion)(?!\w) )?
    (?(currency) | (?: \ ?(?P<percent>%) | \ ?(?P<unit>[$£€¥¢])(?!\.?\d) )? )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_APOSTROPHE_IN_NUMBER = re.compile("(?<=[0-9])'(?=[0-9])")
_SLASH_IN_NUMBER = re.compile("(?<=[0-9])/(?=[0-9])")
_DOUBLED_APOSTROPHE = re.compile("['\u2018]{2,}")
_WORD = re.compile("[A-Z']*")
_PLAIN = re.compile("[A-Z]+(?:[ '][A-Z]+)*")


class UnknownCharacterError(ValueError):
    """A text with characters that no rule covers; `listed` names them with their code points and positions."""

    def __init__(self, listed: str) -> None:
        """Keep the list as the argument, so that the error survives pickling between processes."""
        super().__init__(listed)
        self.listed = listed

    def __str__(self) -> str:
        """Return what came, what is allowed and what to do."""
        return (
            f"text has characters that no rule covers: {self.listed}. Allowed are Latin letters, English punctuation "
            "and numbers (currency signs and % only beside a number, no / between digits): write them as words, or "
            "pass on_unknown='remove' to put spaces in their place"
        )


def normalize_transcript(text: str, *, on_unknown: Literal["error", "remove"] = "error") -> str:
    """Return `text` in the model's alphabet, words separated by one space.

    The rules are in the documentation of this module.

    Args:
        text: An English transcript in any case and with any punctuation.
        on_unknown: Treatment of characters that no rule covers: "error" refuses them, "remove" replaces each by a
            space.

    Returns:
        A string over `ALPHABET` without spaces at its ends, perhaps empty.

    Raises:
        UnknownCharacterError: A character is not covered; the message names each with its code point and position.
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
    pieces = _fold(text)
    folded = _APOSTROPHE_IN_NUMBER.sub(" ", "".join(pieces))
    unknown = _unknown_positions(folded)
    if unknown and on_unknown == "error":
        origins = [origin for origin, piece in enumerate(pieces) for _ in piece]
        raise UnknownCharacterError(_listed(text, [origins[position] for position in unknown]))
    characters = list(folded)
    for position in unknown:
        characters[position] = " "
    spoken = _NUMBER.sub(_speak, "".join(characters)).upper()
    unquoted = _without_quotation_marks(_DOUBLED_APOSTROPHE.sub('"', spoken))
    spaced = (" " if char in _SPACES else f" {_WORDS[char]} " if char in _WORDS else char for char in unquoted)
    return " ".join("".join(spaced).split())


def _fold(text: str) -> list[str]:
    """Return the replacement of each character before numbers are spelled out: itself, ASCII letters, or nothing."""
    pieces: list[str] = []
    follows_letter = False
    for char in text.translate(_FORMS):
        if char.isascii():
            pieces.append(char)
            follows_letter = char in _ASCII_LETTERS
            continue
        base = unicodedata.normalize("NFD", char)[0]
        if char in _NOTHING:
            pieces.append("")
            continue
        # A combining accent falls after a letter only: after "=" it may be the stroke that means "not equal".
        if follows_letter and "\u0300" <= char <= "\u036f":
            pieces.append("")
            continue
        if base in _ASCII_LETTERS:
            char = base
        elif (base := unicodedata.normalize("NFD", char.lower())[0]) in _LETTERS:
            char = _LETTERS[base]
        pieces.append(char)
        follows_letter = char[0] in _ASCII_LETTERS
    return pieces


def _unknown_positions(folded: str) -> list[int]:
    """Return the positions of characters in `folded` that no rule covers."""
    unknown = {position for position, char in enumerate(folded) if char not in _KNOWN}
    unknown |= {match.start() for match in _SLASH_IN_NUMBER.finditer(folded)}
    for match in _NUMBER.finditer(folded):  # "$", "%" and their like are covered by the number they belong to
        unknown.difference_update(range(*match.span()))
    return sorted(unknown)


def _listed(text: str, positions: list[int]) -> str:
    listed = ", ".join(
        f"{text[position]!r} (U+{ord(text[position]):04X} {unicodedata.name(text[position], 'without a name')}) "
        f"at position {position}"
        for position in positions[:_MAX_LISTED]
    )
    return f"{listed} and {len(positions) - _MAX_LISTED} more" if len(positions) > _MAX_LISTED else listed


def _speak(match: re.Match[str]) -> str:
    """Return the words of one number, with spaces where it touches letters."""
    number = match["number"].replace(",", "")
    currency = match["currency"] or match["unit"]
    if currency:
        words = _amount(number, match["scale"], _CURRENCIES[currency])
    else:
        is_bare = not (match["minus"] or match["scale"] or match["percent"] or match["ordinal"])
        if is_bare and re.fullmatch("[0-9]{4}", match["number"]) and _FIRST_YEAR <= int(number) <= _LAST_YEAR:
            words = _words(int(number), "year")
        else:
            words = _spoken(number)
        if match["ordinal"] or match["plural"]:
            head, space, last = words.rpartition(" ")
            words = head + space + (_ordinal(last) if match["ordinal"] else _plural(last))
        if match["scale"]:
            words = f"{words} {match['scale']}"
        if match["percent"]:
            words = f"{words} per cent"
    if match["minus"]:
        words = f"minus {words}"
    before, after = _neighbours(match.string, match.start(), match.end())
    return f"{' ' if before.isalnum() else ''}{words}{' ' if after.isalnum() else ''}"


def _neighbours(text: str, start: int, end: int) -> tuple[str, str]:
    """Return the characters before `start` and from `end` on, empty at the ends of the text."""
    return text[max(start - 1, 0) : start], text[end : end + 1]


def _words(number: int, form: str) -> str:
    return str(num2words(number, to=form)).replace(",", "").replace("-", " ")


def _spoken(number: str) -> str:
    """Return the words of digits with any number of decimal points among them."""
    whole, *decimals = number.split(".")
    is_quantity = len(whole) == 1 or (len(whole) <= _MAX_DIGITS and not whole.startswith("0"))
    words = [_words(int(whole), "cardinal")] if whole and is_quantity else [_words(int(d), "cardinal") for d in whole]
    for digits in decimals:
        words += ["point", *(_words(int(digit), "cardinal") for digit in digits)]
    return " ".join(words)


def _amount(number: str, scale: str | None, names: tuple[str, str, str, str]) -> str:
    one, several, one_part, several_parts = names
    whole, _, decimals = number.partition(".")
    if scale:
        return f"{_spoken(number)} {scale} {several}"
    if len(decimals) != 2 or not one_part:
        return f"{_spoken(number)} {one if number == '1' else several}"
    parts = f"{_spoken(str(int(decimals)))} {one_part if decimals == '01' else several_parts}"
    if not whole.strip("0"):
        return parts
    units = f"{_spoken(whole)} {one if whole == '1' else several}"
    return units if decimals == "00" else f"{units} and {parts}"


def _ordinal(word: str) -> str:
    if word.endswith("y"):
        return f"{word[:-1]}ieth"
    return _ORDINALS.get(word, f"{word}th")


def _plural(word: str) -> str:
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("x") else f"{word}s"


def _without_quotation_marks(text: str) -> str:
    """Return upper-case `text` with every apostrophe that is a quotation mark replaced by a space."""
    characters = list(text)
    plain = text.replace("\u2018", "'")
    openings: list[int] = []
    elisions: set[int] = set()
    for position, char in enumerate(text):
        if char not in _APOSTROPHES:
            continue
        before, after = _neighbours(text, position, position + 1)
        follows_letter, precedes_letter = before in _ASCII_LETTERS, after in _ASCII_LETTERS
        # An apostrophe stays beside a letter, unless a pair is found below; the opening form only inside a word.
        stays = (follows_letter or precedes_letter) and (char == "'" or follows_letter)
        characters[position] = "'" if stays else " "
        if follows_letter and precedes_letter:
            continue
        if precedes_letter or (before in " " and after not in " "):
            match = _WORD.match(plain, position + 1)
            word = match[0].rstrip("'") if match else ""
            if word in _ELISIONS:
                characters[position] = "'"
                elisions |= {position + 2} if word == "N" else set()  # rock 'n' roll: the second one closes nothing
            else:
                openings.append(position)
        elif (follows_letter or before not in " ") and openings and position not in elisions:
            characters[openings.pop()] = characters[position] = " "
    return "".join(characters)

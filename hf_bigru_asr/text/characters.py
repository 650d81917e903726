"""Characters of a text before any rule for words and numbers: variants are made one, diacritics removed."""

import re
import string
import unicodedata

__all__ = ["ASCII_LETTERS", "SPACES", "UNKNOWN", "WORDS", "fold"]

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
SPACES = frozenset(' -.,;:!?\u2026()[]{}/_"')
WORDS = {"&": "AND", "+": "PLUS", "=": "EQUALS", "@": "AT", "\u00b0": "DEGREES"}
# Soft hyphen, byte order mark, zero-width characters, marks of direction, variation selectors.
_NOTHING = frozenset(
    map(
        chr,
        (0xAD, 0x34F, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF),
    )
) | frozenset(map(chr, range(0xFE00, 0xFE10)))
ASCII_LETTERS = frozenset(string.ascii_letters)
_LETTERS = {
    **{"æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "þ": "th", "ð": "d", "đ": "d", "ł": "l", "ħ": "h", "\u0131": "i"},
    **dict(
        zip("\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06", ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)
    ),
}
_KNOWN = SPACES | WORDS.keys() | ASCII_LETTERS | frozenset("'\u2018")
UNKNOWN = re.compile(f"[^{re.escape(''.join(sorted(_KNOWN)))}]")
# Spaces that print one number in groups of three digits; an ordinary space only before 0, as in 1 000 000.
_GROUPED = re.compile(
    "(?<![0-9.,])(?:[1-9][0-9]{0,2}([\u00a0\u2007-\u2009\u202f])[0-9]{3}(?:\\1[0-9]{3})*"
    "|(?<![0-9] )[1-9][0-9]{0,2}(?: [0-9]{3})* 0[0-9]{2}(?: [0-9]{3})*)(?![0-9])"
)
_DIGIT_SPACE = re.compile("[0-9][ \u00a0\u2007-\u2009\u202f][0-9]")
_GROUP_SPACE = re.compile("[ \u00a0\u2007-\u2009\u202f]")


def fold(text: str) -> list[str]:
    """Return the replacement of each character before numbers are spelled out: itself, ASCII letters, or nothing."""
    pieces: list[str] = []
    follows_letter = False
    if _DIGIT_SPACE.search(text):
        text = _GROUPED.sub(lambda match: _GROUP_SPACE.sub(",", match[0]), text)
    text = text.translate(_FORMS)
    if text.isascii():
        return list(text)
    for char in text:
        if char.isascii():
            pieces.append(char)
            follows_letter = char in ASCII_LETTERS
            continue
        base = unicodedata.normalize("NFD", char)[0]
        if char in _NOTHING:
            pieces.append("")
            continue
        # A combining accent falls after a letter only: after "=" it may be the stroke that means "not equal".
        if follows_letter and "\u0300" <= char <= "\u036f":
            pieces.append("")
            continue
        if base in ASCII_LETTERS:
            char = base
        elif (base := unicodedata.normalize("NFD", char.lower())[0]) in _LETTERS:
            char = _LETTERS[base]
        pieces.append(char)
        follows_letter = char[0] in ASCII_LETTERS
    return pieces

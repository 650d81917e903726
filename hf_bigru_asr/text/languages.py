"""Transcripts of other languages than English: rules by name, in the alphabet of a model.

A model is trained, evaluated and used with the rules that its tokenizer names (`language`). For English they are those
of `normalize_transcript`. The others are simpler:

| written | result |
|---|---|
| letters | upper case, composed (NFC), with their diacritics; `ß` is `ẞ`, so that lower case gives it back |
| hyphens, dashes, `. , ; : ! ? ¡ ¿ … ( ) [ ] { } / _`, quotation marks | a space |
| apostrophes between letters | an apostrophe; others are quotation marks |
| `12`, `1.234.567`, `3,5` (as the language groups and divides) | the cardinal number of `num2words` |
| `%`, `€`, `&`, `+`, `=`, `°` | a word of the language |
| soft hyphen, zero-width characters | nothing |
| digits beside letters, dates, clock times, ordinals, ranges, any other character | refused by name |

With `none` a text stays as it is, but for NFC and one space between words. Digits that are in the alphabet of a model
stay digits in every language.

Source: `num2words` 0.5 for numbers.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from num2words import num2words

from .language_tables import LANGUAGES, LanguageRules
from .normalization import ALPHABET, UnknownCharacterError, normalize_transcript

__all__ = [
    "ENGLISH",
    "NO_RULES",
    "Normalizer",
    "UncoveredTextError",
    "language_names",
    "normalize_text",
    "standard_letters",
]

ENGLISH, NO_RULES = "en", "none"

_MAX_LISTED = 10
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u201b\u02bc\u2032\u00b4`"), "'")
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_SPACES = frozenset(
    ' .,;:!?\u00a1\u00bf\u2026()[]{}/_"\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\u201a' + _DASHES
)
_NOTHING = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_DIGITS = frozenset("0123456789")
_EDGES = "".join(_SPACES | {"'"})
_MAX_DIGITS = 15
_CHUNK = re.compile(r"\S+")
_LETTER_FOLLOWS = re.compile(r"\s+[^\W\d_]")
_GROUPED_BY_SPACES = re.compile("(?<![0-9.,])[1-9][0-9]{0,2}(?: [0-9]{3})+(?![0-9])")


class UncoveredTextError(UnknownCharacterError):
    """A text with characters or pieces that the rules of its language do not cover; `listed` names them."""

    def __str__(self) -> str:
        """Return what came, what is allowed and what to do."""
        return (
            f"text has what the rules of its language, or the alphabet of the model, do not cover: {self.listed}. "
            "Write it as words in letters of the alphabet, train with a vocabulary from data that have it, or pass "
            "on_unknown='remove' to put spaces in its place"
        )


def language_names() -> tuple[str, ...]:
    """Names of the rules: two letters of a language, as in ISO 639-1, and `none`."""
    return (ENGLISH, *sorted(LANGUAGES), NO_RULES)


def standard_letters(language: str) -> str:
    """Letters that a model of this language has, whether they occur in its training data or not; empty for `none`.

    Raises:
        ValueError: If there are no rules of this name.
    """
    _check_name(language)
    if language in (ENGLISH, NO_RULES):
        return ALPHABET.strip() if language == ENGLISH else ""
    return "'" + LANGUAGES[language].letters


def normalize_text(
    text: str,
    language: str = ENGLISH,
    alphabet: Collection[str] | None = None,
    *,
    on_unknown: Literal["error", "remove"] = "error",
) -> str:
    """Return `text` as a transcript of a language, in the alphabet of a model, words separated by one space.

    Args:
        text: A transcript in any case and with any punctuation.
        language: Name of the rules, one of `language_names()`.
        alphabet: Characters that the result may have, the space apart. `None` allows every letter, and with `none`
            everything that can be seen.
        on_unknown: Treatment of what neither rules nor alphabet cover: "error" refuses it, "remove" puts a space.

    Returns:
        A string without spaces at its ends, perhaps empty.

    Raises:
        UnknownCharacterError: A character or a piece is not covered; the message names each with its position.
        ValueError: There are no rules of this name, or `on_unknown` is another word.
        TypeError: `text` is not a string.

    Example:
        >>> normalize_text("Größer als 3,5 %: geht's?", "de")
        "GRÖẞER ALS DREI KOMMA FÜNF PROZENT GEHT'S"
    """
    _check_name(language)
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; it must be a string")
    if on_unknown not in ("error", "remove"):
        raise ValueError(f"on_unknown is {on_unknown!r}; it must be 'error' or 'remove'")
    if language == ENGLISH:
        return _english(text, alphabet, on_unknown)
    composed = unicodedata.normalize("NFC", text)
    rules = LANGUAGES.get(language)
    found = _plain(composed, alphabet) if rules is None else _spoken(composed, rules, alphabet)
    pieces = list(found)
    if on_unknown == "error" and (refused := [piece for piece in pieces if isinstance(piece, _Refused)]):
        names = [piece.named() for piece in refused[:_MAX_LISTED]]
        more = f" and {len(refused) - _MAX_LISTED} more" if len(refused) > _MAX_LISTED else ""
        raise UncoveredTextError(", ".join(names) + more)
    return " ".join("".join(" " if isinstance(piece, _Refused) else piece for piece in pieces).split())


@dataclass(frozen=True)
class Normalizer:
    """[`normalize_text`] with the rules and the alphabet of one model.

    Args:
        language: Name of the rules.
        alphabet: Characters of the model, the space apart; `None` for every letter.

    Raises:
        ValueError: If there are no rules of this name.

    Example:
        >>> from hf_bigru_asr import BiGRUCTCTokenizer
        >>> Normalizer.of(BiGRUCTCTokenizer.from_characters("AEFLPÄ", language="de"))("Äpfel!")
        'ÄPFEL'
    """

    language: str = ENGLISH
    alphabet: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Refuse names without rules."""
        _check_name(self.language)

    @classmethod
    def of(cls, tokenizer: Any) -> "Normalizer":  # noqa: ANN401 - its class cannot be named without torch
        """That of a model, from its [`BiGRUCTCTokenizer`] or [`CTCSymbols`]."""
        symbols = getattr(tokenizer, "characters", None)
        if symbols is None:
            special = (tokenizer.word_delimiter_token, tokenizer.pad_token)
            symbols = [symbol for symbol in tokenizer.get_vocab() if symbol not in special]
        return cls(getattr(tokenizer, "language", ENGLISH), frozenset(symbol for symbol in symbols if symbol.strip()))

    def __call__(self, text: str, *, on_unknown: Literal["error", "remove"] = "error") -> str:
        """The text as a transcript; errors are those of [`normalize_text`]."""
        return normalize_text(text, self.language, self.alphabet, on_unknown=on_unknown)


@dataclass(frozen=True)
class _Refused:
    """A piece of a text that is not covered."""

    text: str
    position: int
    reason: str = ""

    def named(self) -> str:
        if self.reason:
            return f"{self.text!r} ({self.reason}) at position {self.position}"
        name = unicodedata.name(self.text[0], "without a name")
        return f"{self.text!r} (U+{ord(self.text[0]):04X} {name}) at position {self.position}"


def _check_name(language: str) -> None:
    if language not in language_names():
        raise ValueError(
            f"language is {language!r}; there are rules for {', '.join(language_names()[:-1])}, and {NO_RULES!r} "
            "keeps texts as they are."
        )


def _english(text: str, alphabet: Collection[str] | None, on_unknown: Literal["error", "remove"]) -> str:
    """English rules, which leave characters alone that only this alphabet has."""
    more = [char for char in alphabet or () if len(char) == 1 and char not in ALPHABET and not char.isspace()]
    if not more:
        return normalize_transcript(text, on_unknown=on_unknown)
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; it must be a string")
    own = "".join(sorted({form for char in more for form in (char, char.lower(), char.upper()) if len(form) == 1}))
    parts = re.split(f"([{re.escape(own)}])", unicodedata.normalize("NFC", text))
    spoken = []
    for index, part in enumerate(parts):
        if index % 2:
            spoken.append(part if part in more else next(c for c in more if c in (part.upper(), part.lower())))
        elif part:
            before, after = part[0].isspace(), part[-1].isspace()
            spoken.append(f"{' ' * before}{normalize_transcript(part, on_unknown=on_unknown)}{' ' * after}")
    return " ".join("".join(spoken).split())


def _plain(text: str, alphabet: Collection[str] | None) -> Iterator[str | _Refused]:
    for position, char in enumerate(text):
        is_known = unicodedata.category(char)[0] != "C" if alphabet is None else char in alphabet
        yield " " if char.isspace() else char if is_known else _Refused(char, position)


def _spoken(text: str, rules: LanguageRules, alphabet: Collection[str] | None) -> Iterator[str | _Refused]:
    """The text in upper case, chunk by chunk, with what is not covered."""
    text = rules.join_groups(text.translate(_APOSTROPHES))
    keeps_digits = set(alphabet or ()) >= _DIGITS
    grouped = () if keeps_digits else [match.span() for match in _GROUPED_BY_SPACES.finditer(text)]
    for first, end in grouped:
        yield _Refused(text[first:end], first, "one number, or several")
    for match in _CHUNK.finditer(text):
        chunk, start = match[0], match.start()
        yield " "
        if any(first < match.end() and start < end for first, end in grouped):
            continue
        core = chunk.strip(_EDGES)
        if not keeps_digits and _DIGITS & set(core):
            is_ordinal = (
                rules.has_dotted_ordinals and chunk.endswith(".") and _LETTER_FOLLOWS.match(match.string, match.end())
            )
            yield from _number(core, start + chunk.index(core), rules, alphabet, is_ordinal=bool(is_ordinal))
        else:
            yield from _letters(chunk, start, rules, alphabet)


def _number(
    core: str, position: int, rules: LanguageRules, alphabet: Collection[str] | None, *, is_ordinal: bool
) -> Iterator[str | _Refused]:
    unit = core[-1] if core[-1] in rules.words else ""
    number = rules.number(core.removesuffix(unit))
    if is_ordinal:
        yield _Refused(f"{core}.", position, "an ordinal, or a number at the end of a sentence")
    elif number is None:
        yield _Refused(core, position, "digits that are spoken in more than one way")
    elif sum(map(str.isdigit, number)) > _MAX_DIGITS:
        yield _Refused(core, position, f"more than {_MAX_DIGITS} digits")
    else:
        value: int | float = float(number) if "." in number else int(number)
        spoken = num2words(value, lang=rules.code)
        yield from _letters(f"{spoken} {unit}", position, rules, alphabet)


def _letters(
    chunk: str, start: int, rules: LanguageRules, alphabet: Collection[str] | None
) -> Iterator[str | _Refused]:
    for index, char in enumerate(chunk):
        if char in _SPACES or char.isspace():
            yield " "
        elif char in _NOTHING:
            continue
        elif char == "'":
            if not (chunk[index - 1 : index].isalpha() and chunk[index + 1 : index + 2].isalpha()):
                yield " "
            else:
                yield "'" if alphabet is None or "'" in alphabet else _Refused(char, start + index)
        elif char in rules.words:
            yield f" {rules.words[char]} "
        else:
            capital = "\u1e9e" if char == "\u00df" else char.upper()
            is_known = char.isalpha() if alphabet is None else all(each in alphabet for each in capital)
            yield capital if is_known else _Refused(char, start + index)

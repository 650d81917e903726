"""What the rules of `text.languages` know of each language: letters, how numbers are written, words of signs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_uppercase

__all__ = ["LANGUAGES", "LanguageRules"]

_NARROW_SPACES = "\u00a0\u2009\u202f"


@dataclass(frozen=True)
class LanguageRules:
    """The rules of one language.

    Args:
        code: Its name in `num2words`.
        letters: Its alphabet, in capitals.
        words: Spoken forms of signs, in capitals.
        decimal: What divides a number from its fraction.
        group: What groups digits in threes, beside spaces that do not break.
        has_dotted_ordinals: Whether `3.` can be an ordinal.
    """

    code: str
    letters: str
    words: Mapping[str, str]
    decimal: str = ","
    group: str = "."
    has_dotted_ordinals: bool = False

    def join_groups(self, text: str) -> str:
        """The text with digits that narrow spaces group in threes written as one number, as long as before."""
        pattern = rf"(?<![0-9])[0-9]{{1,3}}(?:[{_NARROW_SPACES}][0-9]{{3}})+(?![0-9])"
        return re.sub(pattern, lambda match: re.sub(f"[{_NARROW_SPACES}]", self.group, match[0]), text)

    def number(self, written: str) -> str | None:
        """Digits, with a point before the fraction, of a number in this language; `None` if it is none."""
        group, decimal = re.escape(self.group), re.escape(self.decimal)
        pattern = rf"(?P<whole>0|[1-9][0-9]*|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+)(?:{decimal}(?P<part>[0-9]+))?"
        if (match := re.fullmatch(pattern, written)) is None:
            return None
        whole = match["whole"].replace(self.group, "")
        return f"{whole}.{match['part']}" if match["part"] else whole


def _signs(percent: str, euro: str, ampersand: str, plus: str, equals: str, degrees: str) -> dict[str, str]:
    return {"%": percent, "\u20ac": euro, "&": ampersand, "+": plus, "=": equals, "\u00b0": degrees}


LANGUAGES: Mapping[str, LanguageRules] = {
    "de": LanguageRules(
        "de",
        ascii_uppercase + "ÄÖÜẞ",
        _signs("PROZENT", "EURO", "UND", "PLUS", "GLEICH", "GRAD"),
        has_dotted_ordinals=True,
    ),
    "es": LanguageRules(
        "es", ascii_uppercase + "ÁÉÍÑÓÚÜ", _signs("POR CIENTO", "EUROS", "Y", "MÁS", "IGUAL A", "GRADOS")
    ),
    "fr": LanguageRules(
        "fr",
        ascii_uppercase + "ÀÂÆÇÈÉÊËÎÏÔŒÙÛÜŸ",
        _signs("POUR CENT", "EUROS", "ET", "PLUS", "ÉGALE", "DEGRÉS"),
    ),
    "it": LanguageRules("it", ascii_uppercase + "ÀÈÉÌÒÙ", _signs("PER CENTO", "EURO", "E", "PIÙ", "UGUALE", "GRADI")),
    "nl": LanguageRules("nl", ascii_uppercase + "ÈÉËÏÓÖÜ", _signs("PROCENT", "EURO", "EN", "PLUS", "IS", "GRADEN")),
    "pl": LanguageRules(
        "pl",
        ascii_uppercase + "ĄĆĘŁŃÓŚŹŻ",
        _signs("PROCENT", "EURO", "I", "PLUS", "RÓWNA SIĘ", "STOPNI"),
        has_dotted_ordinals=True,
    ),
    "pt": LanguageRules(
        "pt", ascii_uppercase + "ÀÁÂÃÇÉÊÍÓÔÕÚ", _signs("POR CENTO", "EUROS", "E", "MAIS", "IGUAL A", "GRAUS")
    ),
    "ru": LanguageRules(
        "ru",
        "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ",
        _signs("ПРОЦЕНТОВ", "ЕВРО", "И", "ПЛЮС", "РАВНО", "ГРАДУСОВ"),  # noqa: RUF001 - Cyrillic, as it should be
    ),
}
"""By ISO 639-1."""

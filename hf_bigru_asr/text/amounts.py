"""Numbers in text, with the currency, per cent, magnitude or unit that belongs to them."""

import re
from collections.abc import Iterator

from .numbers import cardinal, digits, ordinal, plural, two_digits, year
from .spans import Span
from .units import ATTRIBUTIVE, UNITS, unit_words

__all__ = ["find_dialled_numbers", "find_money_ranges", "find_numbers"]

# One, several, and the hundredth part: one, several.
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "¢": ("cent", "cents", "", ""),
}
_MAGNITUDES = {
    **{"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion"},
    **{"tn": "trillion", "t": "trillion"},
}
_FIRST_YEAR, _LAST_YEAR = 1100, 2099
_YEAR_BEFORE = re.compile(r"\b(?:in|since|until|year|AD) $", re.IGNORECASE)
_DIGITS = r"(?:(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)(?:\.\d+)?|\d+(?:\.\d+)*|(?<![\w.])\.\d+)"
_SCALE = "hundred|thousand|million|billion|trillion"
# What is called "5 K" by everybody.
_K_NOUNS = "runs?|races?|walks?|fun|charity|tvs?|videos?|screens?|displays?|monitors?|resolution|footage|cameras?"

_NUMBER = re.compile(
    rf"""
    (?: (?<![^\s(\["'])(?P<minus>-)(?=[$£€¥]?\.?\d) )?
    (?P<currency>[$£€¥](?=\.?\d))?
    (?: (?<![\w'])'(?=\d\d(?:'?s)?(?![\w'])) )?                # '98 and '90s: the apostrophe is not spoken
    (?P<number> {_DIGITS} )
    (?: (?P<ordinal>st|nd|rd|th)(?!\w)
      | (?P<plural> s | (?:(?<=(?<!\d)[2-9]0)|(?<=(?<!\d)[12]\d\d0))'s )(?!\w)
      | (?P<suffix> mn|bn|tn|k(?![ -](?:{_K_NOUNS})\b)|(?-i:M) | (?(currency)[mbt]|(?!)) )(?!\w)
      | (?(currency)\ ?|(?!))(?P<spaced>mn|bn|tn|m)(?!\w)
      | [ -]?(?P<scale>{_SCALE})(?!\w) )?
    (?(currency) | (?: \ ?(?P<percent>%|pc(?!\w)) | \ ?(?P<unit>[$£€¥¢])(?!\.?\d)
                     | (?P<join>[ -]?)(?P<measure>(?-i:{UNITS}))(?!\w) )? )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# Emergency numbers; other three digits after these verbs count something.
_DIALLED = re.compile(
    r"\b(?:dial|call|ring|rang|phone)(?:led|ed|d|ling|ing|s)? (?P<number>999|911|112)(?![\w%:/,.-]*\w)",
    re.IGNORECASE | re.ASCII,
)
_MONEY_RANGE = re.compile(
    rf"(?P<currency>[$£€¥])(?P<low>{_DIGITS})(?P<first>mn|bn|tn|[kmbt])?-(?P<again>[$£€¥])?(?P<high>{_DIGITS})(?![\d%-]|,\d)"
    rf"(?:\ ?(?P<suffix>mn|bn|tn|[kmbt])(?!\w)|[ -](?P<scale>{_SCALE})(?!\w))?(?!\w)",
    re.IGNORECASE | re.ASCII,
)


def find_numbers(text: str) -> Iterator[Span]:
    """Find numbers with what belongs to them: `5`, `1905`, `21st`, `1990s`, `5%`, `$5M`, `20 €`, `5 km`."""
    for match in _NUMBER.finditer(text):
        number = match["number"]
        is_plain = number.isdecimal() and match.end() - match.start() == len(number)
        yield Span(match.start(), match.end(), _speak(match), "", True, int(number) if is_plain else None)


def find_dialled_numbers(text: str) -> Iterator[Span]:
    """Find the short numbers that people call: `dial 999` is NINE NINE NINE."""
    for match in _DIALLED.finditer(text):
        yield Span(match.start("number"), match.end("number"), digits(match["number"]))


def find_money_ranges(text: str) -> Iterator[Span]:
    """Find ranges whose currency stands at the first amount only: `$2-3 million`, `£10-15`."""
    for match in _MONEY_RANGE.finditer(text):
        suffix = match["suffix"] or ""
        scale = _MAGNITUDES.get(suffix.lower()) or (match["scale"] or "").lower()
        if match["again"] and (match["first"] or not scale or match["again"] != match["currency"]):
            continue  # each amount is complete
        low = cardinal(match["low"].replace(",", ""))
        high = cardinal(match["high"].replace(",", ""))
        if match["first"]:
            low = f"{low} {_MAGNITUDES[match['first'].lower()]}"
        name = _CURRENCIES[match["currency"]][0 if _is_attributive(match) else 1]
        yield Span(match.start(), match.end(), " ".join(f"{low} to {high} {scale} {name}".split()), "", True)


def _is_attributive(match: re.Match[str]) -> bool:
    """Tell whether an article stands before: a five million dollar deal."""
    return ATTRIBUTIVE.search(match.string, 0, match.start()) is not None


def _speak(match: re.Match[str]) -> str:
    number = match["number"].replace(",", "")
    suffix = match["suffix"] or match["spaced"]
    scale = _MAGNITUDES[suffix.lower()] if suffix else (match["scale"] or "").lower()
    currency = match["currency"] or match["unit"]
    if currency:
        words = _amount(number, scale, _CURRENCIES[currency], _is_attributive(match))
    else:
        is_bare = not (match["minus"] or scale or match["percent"] or match["ordinal"] or match["measure"])
        if (
            is_bare
            and re.fullmatch("[0-9]{4}", match["number"])
            and _is_year(match.string, match.start(), int(number))
        ):
            words = year(int(number))
        else:
            is_elided = match.string.startswith("'", match.start()) and len(number) == 2
            words = two_digits(number) if is_elided and not match["plural"] else cardinal(number)
        if match["ordinal"]:
            words = ordinal(words)
        elif match["plural"]:
            words = plural(words)
        if scale:
            words = f"{words} {scale}"
        if match["percent"]:
            words = f"{words} per cent"
        elif match["measure"]:
            one = (number == "1" and not scale) or match["join"] == "-" or _is_attributive(match)
            words = f"{words} {unit_words(match['measure'], one)}"
    return f"minus {words}" if match["minus"] else words


def _is_year(text: str, start: int, number: int) -> bool:
    if 1010 <= number < _FIRST_YEAR:
        return _YEAR_BEFORE.search(text, 0, start) is not None
    return _FIRST_YEAR <= number <= _LAST_YEAR


def _amount(number: str, scale: str, names: tuple[str, str, str, str], is_attributive: bool) -> str:
    one, several, one_part, several_parts = names
    if is_attributive:
        several, several_parts = one, one_part
    whole, _, decimals = number.partition(".")
    if scale:
        return f"{cardinal(number)} {scale} {several}"
    if len(decimals) != 2 or not one_part:
        return f"{cardinal(number)} {one if number == '1' else several}"
    parts = f"{cardinal(str(int(decimals)))} {one_part if decimals == '01' else several_parts}"
    if not whole.strip("0"):
        return parts
    units = f"{cardinal(whole)} {one if whole == '1' else several}"
    return units if decimals == "00" else f"{units} and {parts}"

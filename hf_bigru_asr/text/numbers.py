"""Numbers in words, as `num2words` spells them, with the "and" of LibriSpeech."""

from functools import lru_cache

from num2words import num2words

__all__ = ["cardinal", "digits", "fraction", "ordinal", "plural", "two_digits", "year"]

_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth"},
    **{"eight": "eighth", "nine": "ninth", "twelve": "twelfth"},
}
_MAX_DIGITS = 15


@lru_cache(maxsize=4096)
def _words(number: int, form: str) -> str:
    return str(num2words(number, to=form)).replace(",", "").replace("-", " ")


def year(number: int) -> str:
    """Return `number` as a year: NINETEEN OH FIVE."""
    return _words(number, "year")


def cardinal(number: str) -> str:
    """Return the words of digits with any number of decimal points among them.

    A number that starts with 0, and one of more than 15 digits, is spelled digit by digit.
    """
    whole, *decimals = number.split(".")
    is_quantity = len(whole) == 1 or (len(whole) <= _MAX_DIGITS and not whole.startswith("0"))
    words = [_words(int(whole), "cardinal") if is_quantity else digits(whole)] if whole else []
    for part in decimals:
        words += ["point", digits(part)]
    return " ".join(words)


def digits(number: str) -> str:
    """Return `number` digit by digit."""
    return " ".join(_words(int(digit), "cardinal") for digit in number)


def two_digits(number: str) -> str:
    """Return the minutes of a time, or the last two digits of a year: 05 is OH FIVE."""
    return f"oh {cardinal(number[1])}" if number.startswith("0") else cardinal(number)


def ordinal(words: str) -> str:
    """Return the ordinal of a number in words: TWENTY ONE gives TWENTY FIRST."""
    head, space, last = words.rpartition(" ")
    if last.endswith("y"):
        return f"{head}{space}{last[:-1]}ieth"
    return head + space + _ORDINALS.get(last, f"{last}th")


def plural(words: str) -> str:
    """Return the plural of a number in words: NINETEEN NINETY gives NINETEEN NINETIES."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith("x") else f"{words}s"


def fraction(numerator: int, denominator: int) -> str:
    """Return `numerator` of parts of one: ONE HALF, THREE QUARTERS, FIVE EIGHTHS."""
    names = {2: ("half", "halves"), 4: ("quarter", "quarters")}
    one = ordinal(cardinal(str(denominator)))
    part = names.get(denominator, (one, f"{one}s"))[numerator > 1]
    return f"{cardinal(str(numerator))} {part}"

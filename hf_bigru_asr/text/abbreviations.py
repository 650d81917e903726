"""Abbreviated words: titles, companies, streets, references to numbers."""

import re
from collections.abc import Iterator

from .spans import Span

__all__ = ["find_abbreviations", "find_saints_and_streets"]

# Also without a full stop.
_ALWAYS = {
    "wwii": "world war two",
    "wwi": "world war one",
    "ww1": "world war one",
    "ww2": "world war two",
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "etc": "et cetera",
    "vs": "versus",
}
# With a capital; the full stop may be missing.
_AFTER_NAMES = {
    **{"Jr": "junior", "Sr": "senior", "Ltd": "limited", "Inc": "incorporated", "Corp": "corporation"},
    "Bros": "brothers",
    **{"Esq": "esquire", "PhD": "p h d", "eg": "for example", "ie": "that is"},
}
# With a full stop.
_DOTTED = {"approx": "approximately", "dept": "department", "govt": "government", "incl": "including"}
_DOTTED |= {"e.g": "for example", "i.e": "that is", "ph.d": "p h d"}
# With a capital and a full stop.
_CAPITALISED = {
    **{"Co": "company", "Ave": "avenue", "Blvd": "boulevard", "Rd": "road", "Univ": "university", "Drs": "doctors"},
    **{"Prof": "professor", "Capt": "captain", "Col": "colonel", "Gen": "general", "Lt": "lieutenant"},
    **{"Sgt": "sergeant", "Maj": "major", "Cpl": "corporal", "Brig": "brigadier", "Gov": "governor"},
    **{"Sen": "senator", "Rev": "reverend", "Supt": "superintendent"},
    **{"Adm": "admiral", "Pvt": "private", "Cmdr": "commander", "Msgr": "monsignor", "Amb": "ambassador"},
    **{"Atty": "attorney", "Mme": "madame", "Mlle": "mademoiselle"},
    **{"Calif": "california", "Fla": "florida", "Conn": "connecticut", "Tenn": "tennessee", "Ariz": "arizona"},
    **{"Okla": "oklahoma", "Colo": "colorado", "Minn": "minnesota", "Mich": "michigan", "Wis": "wisconsin"},
}
# With a capital and a full stop, before a name.
_BEFORE_NAMES = {
    "Pres": "president",
    "Fr": "father",
    "Rep": "representative",
    "Hon": "honorable",
    "Mt": "mount",
    "Ft": "fort",
}
# With a full stop, before digits.
_BEFORE_DIGITS = {
    **{"no": "number", "nos": "numbers", "vol": "volume", "vols": "volumes", "ch": "chapter", "chap": "chapter"},
    **{
        "fig": "figure",
        "figs": "figures",
        "p": "page",
        "pp": "pages",
        "est": "established",
        "c": "circa",
        "ca": "circa",
    },
}
_BEGIN = r"(?<![A-Za-z0-9.&])(?<![A-Za-z]')"
_ABBREVIATION = re.compile(
    rf"{_BEGIN}(?:(?P<always>(?i:{'|'.join(_ALWAYS)}))(?![A-Za-z0-9&])\.?"
    rf"|(?P<after_name>{'|'.join(_AFTER_NAMES)})(?![A-Za-z0-9&])\.?"
    rf"|(?P<dotted>(?i:{'|'.join(map(re.escape, _DOTTED))}))\.(?!\w)"
    rf"|(?P<capitalised>{'|'.join(_CAPITALISED)})\.(?!\w)"
    rf"|(?P<before_name>{'|'.join(_BEFORE_NAMES)})\.(?=\ ?[A-Z])"
    rf"|(?P<before_digits>(?i:{'|'.join(_BEFORE_DIGITS)}))\.(?=\ ?\d|\ [IVXL]{{2,}}(?!\w)))",
    re.ASCII,
)
_NUMBER_WITHOUT_STOP = re.compile(r"(?<=[a-z] )No(?= [0-9])")
_VERSUS = re.compile(r"(?<=[a-zA-Z] )v\.(?= [A-Z])")
_SAINT_OR_STREET = re.compile(rf"{_BEGIN}(?:St\.?|(?:ST|st)\.)(?![A-Za-z0-9])")
_NAME_NEXT = re.compile(" [A-Z]")
_NAME = re.compile("[A-Z]|[0-9]+(?:st|nd|rd|th)")
_WORD_BEFORE = re.compile(r"([A-Za-z0-9']+) $")
# Words with a capital that are no name of a street.
_NO_STREET = frozenset(
    (
        *("The", "In", "At", "To", "From", "Of", "On", "Near", "And", "By", "For", "With", "When", "But", "As", "If"),
        *("Mount", "Port", "Lake", "Fort", "Cape", "Sir", "Saint", "While", "After", "Before", "Since"),
    )
)


def find_abbreviations(text: str) -> Iterator[Span]:
    """Find abbreviations that stand for one word, such as `Mr.`, `No. 5`, `Inc.`, `etc.`."""
    for match in _ABBREVIATION.finditer(text):
        kind = str(match.lastgroup)
        written = match[kind]
        if kind == "always" and written.lower() == "dr" and _may_be_drive(text, match.start(), match.end()):
            yield Span(match.start(), match.end(), reason="DOCTOR or DRIVE?")
            continue
        table = {
            **{"always": _ALWAYS, "after_name": _AFTER_NAMES, "dotted": _DOTTED, "capitalised": _CAPITALISED},
            **{"before_name": _BEFORE_NAMES, "before_digits": _BEFORE_DIGITS},
        }[kind]
        words = table[written] if written in table else table[written.lower()]
        yield Span(match.start(), match.end(), words)
    for match in _VERSUS.finditer(text):
        yield Span(match.start(), match.end(), "versus")
    for match in _NUMBER_WITHOUT_STOP.finditer(text):
        yield Span(match.start(), match.end(), "number")


def _is_name(word: re.Match[str] | None) -> bool:
    return word is not None and _NAME.match(word[1]) is not None and word[1] not in _NO_STREET


def _may_be_drive(text: str, start: int, end: int) -> bool:
    before = _WORD_BEFORE.search(text, 0, start)
    return not _NAME_NEXT.match(text, end) and _is_name(before)


def find_saints_and_streets(text: str) -> Iterator[Span]:
    """Find `St.`: SAINT before a name, STREET after one, refused between two names or without one."""
    for match in _SAINT_OR_STREET.finditer(text):
        before = _WORD_BEFORE.search(text, 0, match.start())
        follows_name = _is_name(before)
        precedes_name = _NAME_NEXT.match(text, match.end()) is not None
        if follows_name == precedes_name:
            yield Span(match.start(), match.end(), reason="SAINT or STREET?")
        else:
            yield Span(match.start(), match.end(), "saint" if precedes_name else "street")

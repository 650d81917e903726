"""Apostrophes and the quotation marks that look like them."""

import re

from .characters import ASCII_LETTERS

__all__ = ["without_quotation_marks"]

_APOSTROPHES = frozenset("'\u2018")
# Words with an elided beginning, as they are written after the apostrophe.
_ELISIONS = frozenset(
    (
        *("TIS", "TWAS", "TWERE", "TWILL", "TWOULD", "TWIXT", "TWEEN", "TISN'T", "TWASN'T", "TWON'T", "TWOULDN'T"),
        *("EM", "UN", "UNS", "TIL", "CAUSE", "COS", "CUZ", "BOUT", "NEATH", "GAINST", "MONGST", "FRAID", "NUFF"),
        *("N", "S", "LL", "D", "VE", "RE", "M", "T"),
    )
)
_DOUBLED_APOSTROPHE = re.compile("['\u2018]{2,}")
_WORD = re.compile("[A-Z']*")


def without_quotation_marks(text: str) -> str:
    """Return upper-case `text` with every apostrophe that is a quotation mark replaced by a space."""
    text = _DOUBLED_APOSTROPHE.sub('"', text)
    characters = list(text)
    plain = text.replace("\u2018", "'")
    openings: list[int] = []
    elisions: set[int] = set()
    for position, char in enumerate(text):
        if char not in _APOSTROPHES:
            continue
        before, after = text[max(position - 1, 0) : position], text[position + 1 : position + 2]
        follows_letter, precedes_letter = before in ASCII_LETTERS, after in ASCII_LETTERS
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

"""Hotwords as people write them."""

import math
import re
from collections.abc import Callable, Iterable

from ..model.hotwords_bigru_ctc import DEFAULT_HOTWORD_WEIGHT
from ..text.normalization import UnknownCharacterError, normalize_transcript

__all__ = ["parse_hotwords"]

_WEIGHTED_PHRASE = re.compile(r"(?P<phrase>.*):(?P<weight>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))\s*", re.DOTALL)
_NO_NUMBER = re.compile(r"(?P<phrase>.*\S)\s*(?:(?<![0-9]):|:(?![0-9]))(?P<weight>[^\s:][^:]*)", re.DOTALL)
"""A last colon with something else than a number right after it. Digits on both sides are a time or a ratio."""
_ENDS_WITH_CLOCK_TIME = re.compile(r"(?<![0-9:.,])(?:[01]?[0-9]|2[0-3]):[0-5][0-9]\s*$")


def parse_hotwords(entries: Iterable[str], normalize: Callable[[str], str] = normalize_transcript) -> dict[str, float]:
    """Return phrases with their weights from the words of a command line.

    What follows the last colon without a space is the weight, a plain number. After a space it belongs to the phrase,
    as in `Space: 1999`, and so do clock times: `3:30:8` is THREE THIRTY with weight 8.

    Args:
        entries: Each a phrase as people write it, or a phrase, a colon and its weight in nats per word.
        normalize: Makes transcripts of phrases: the [`Normalizer`] of a model of another language than English.

    Returns:
        Weights by phrase, [`DEFAULT_HOTWORD_WEIGHT`] where none is given. Phrases are normalised as transcripts are.

    Raises:
        ValueError: If an entry has no words, characters that no rule covers, or a weight that is no number or
            beyond all numbers.

    Example:
        >>> parse_hotwords(["Apollo 11", "Queequeg:8", "Star Trek: Picard"])
        {'APOLLO ELEVEN': 9.5, 'QUEEQUEG': 8.0, 'STAR TREK PICARD': 9.5}
    """
    hotwords = {}
    for entry in entries:
        phrase, weight = entry, DEFAULT_HOTWORD_WEIGHT
        if not _ENDS_WITH_CLOCK_TIME.search(entry) and (weighted := _WEIGHTED_PHRASE.fullmatch(entry)):
            phrase, weight = weighted["phrase"], float(weighted["weight"])
        elif mistaken := _NO_NUMBER.fullmatch(entry):
            name, given = mistaken["phrase"], mistaken["weight"].strip()
            raise ValueError(
                f"The weight of the hotword {name!r} is {given!r}, which is no number; write {name}:8 for example, or "
                f"a space after the colon if {given!r} is spoken."
            )
        try:
            words = normalize(phrase)
        except UnknownCharacterError as error:  # whose message is for those who pass on_unknown=
            raise ValueError(
                f"The hotword {entry!r} cannot be spelled: {error.listed}; write it as words in letters."
            ) from error
        except ValueError as error:
            raise ValueError(f"The hotword {entry!r} cannot be spelled: {error}") from error
        if not words:
            raise ValueError(
                f"The hotword {entry!r} has no words; give a phrase, or a phrase, a colon and its weight."
            )
        if not math.isfinite(weight):
            raise ValueError(f"The weight of the hotword {phrase!r} is too large; give nats per word, 6 for example.")
        hotwords[words] = weight
    return hotwords

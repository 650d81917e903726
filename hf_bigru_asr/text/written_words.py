"""Alignment of the words of a text, as they are written, with the words of its normalised transcript."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from .normalization import normalize_transcript

__all__ = ["WrittenWord", "written_words"]

# No-break and narrow spaces may stand between the digits of one number.
_WRITTEN = re.compile("(?:\\S|(?<=[0-9])[\u00a0\u2007-\u2009\u202f](?=[0-9]{3}(?![0-9])))+")
_MAX_TOGETHER = 8
"""Maximum number of written words that are normalised together, such as the two of "$2 million"."""


@dataclass(frozen=True)
class WrittenWord:
    """A piece of a text between spaces, and its normalised form.

    Args:
        text: The piece as it is written, with its punctuation; several words if they are normalised together
            (`$2 million`).
        normalized: Its words in the alphabet of the model, separated by spaces; at least one.
    """

    text: str
    normalized: str


def written_words(text: str, *, on_unknown: Literal["error", "remove"] = "error") -> list[WrittenWord] | None:
    """Return the words of a text as they are written, each with its part of the normalised text.

    Each word is normalised alone. If the result is not its part of the whole (`$2 million`, TWO MILLION DOLLARS),
    it is normalised together with its neighbours. Apostrophes are ignored in the comparison, because a word alone does
    not show whether one is a quotation mark. A piece without a spoken word, such as a dash, joins the word before it.

    Args:
        text: Any English text.
        on_unknown: As in [`normalize_transcript`].

    Returns:
        The words; their `normalized` joined by spaces are the normalised text. `None` if there is no such division.

    Raises:
        UnknownCharacterError: If a character of the text cannot be normalised.

    Example:
        >>> [(word.text, word.normalized) for word in written_words("Dr. Who paid $2 million - now.")]
        [('Dr.', 'DOCTOR'), ('Who', 'WHO'), ('paid', 'PAID'), ('$2 million -', 'TWO MILLION DOLLARS'), ('now.', 'NOW')]
    """
    words = normalize_transcript(text, on_unknown=on_unknown).split()
    written = _WRITTEN.findall(text)
    sizes = _group_sizes(written, words, on_unknown)
    if sizes is None:
        return None
    found: list[WrittenWord] = []
    silent: list[str] = []  # pieces before the first spoken word
    for begin, num_written, first, num_words in sizes:
        piece = " ".join(written[begin : begin + num_written])
        if num_words:
            found.append(WrittenWord(" ".join([*silent, piece]), " ".join(words[first : first + num_words])))
            silent = []
        elif found:
            found[-1] = WrittenWord(f"{found[-1].text} {piece}", found[-1].normalized)
        else:
            silent.append(piece)
    return found


def _group_sizes(
    written: list[str], words: list[str], on_unknown: Literal["error", "remove"]
) -> list[tuple[int, int, int, int]] | None:
    """Return the start and number of the written and of the normalised words of each group; small groups first."""
    normalized = cache(_normalized)
    keys = [_key(word) for word in words]
    steps: list[tuple[int, int, int, int]] = []
    position, next_word, together = 0, 0, 1
    failed: set[tuple[int, int]] = set()
    while position < len(written) or next_word < len(words):
        if together > min(_MAX_TOGETHER, len(written) - position) or (position, next_word) in failed:
            failed.add((position, next_word))
            if not steps:
                return None
            position, together, next_word, _ = steps.pop()
            together += 1
            continue
        alone = normalized(" ".join(written[position : position + together]), on_unknown)
        if alone is not None and alone == keys[next_word : next_word + len(alone)]:
            steps.append((position, together, next_word, len(alone)))
            position, next_word, together = position + together, next_word + len(alone), 1
        else:
            together += 1
    return steps


def _normalized(piece: str, on_unknown: Literal["error", "remove"]) -> list[str] | None:
    try:
        return [_key(word) for word in normalize_transcript(piece, on_unknown=on_unknown).split()]
    except ValueError:  # such as "%" without its number
        return None


def _key(word: str) -> str:
    return word.replace("'", "")

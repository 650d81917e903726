"""Kaldi's text in a file whose name says plain text."""

import re
from collections.abc import Sequence
from pathlib import Path

from .score_files import BY_ID, ids_of, records

__all__ = ["settle_formats"]

_LIKE_AN_ID = re.compile(r"\S*[0-9_]\S*")


def settle_formats(
    paths: Sequence[Path], formats: Sequence[str], is_stated: Sequence[bool]
) -> tuple[list[str], str | None]:
    """Formats of a reference and a hypothesis, once it is known what their lines begin with.

    Text is taken for Kaldi's, `ID WORDS`, where nobody said that it is text, and either both files are text and begin
    their lines with the same ids, or the other file has ids and these begin lines.

    Args:
        paths: Reference and hypothesis.
        formats: Their formats by their names.
        is_stated: Whether the user gave them.

    Returns:
        The formats, and a note to the user if they are others.

    Raises:
        ValueError: If a file that has ids is not of its format.
        OSError: If a file cannot be read.
    """
    is_open = [name == "text" and not stated for name, stated in zip(formats, is_stated, strict=True)]
    if all(is_open):
        first, second = (_first_words(path) for path in paths)
        if len(first) > 1 and first.keys() == second.keys() and all(map(_LIKE_AN_ID.fullmatch, first)):
            note = (
                f"{paths[0]} and {paths[1]} are read as Kaldi's text, ID WORDS, for their lines begin with the same "
                "ids; with --format text these are words"
            )
            return ["kaldi", "kaldi"], note
    elif any(is_open):
        text, other = (0, 1) if is_open[0] else (1, 0)
        if formats[other] in BY_ID and _begins_with(_first_words(paths[text]), ids_of(paths[other], formats[other])):
            note = f"{paths[text]} is read as Kaldi's text, ID WORDS, for its lines begin with ids of {paths[other]}"
            return ["kaldi" if place == text else name for place, name in enumerate(formats)], note
    return list(formats), None


def _first_words(path: Path) -> dict[str, bool]:
    """The first words of the lines, and whether others follow; nothing if one comes twice."""
    found: dict[str, bool] = {}
    for _, line in records(path):
        word, *rest = line.casefold().split(None, 1)
        if word in found:
            return {}
        found[word] = bool(rest)
    return found


def _begins_with(first_words: dict[str, bool], ids: set[str]) -> bool:
    """Whether lines begin with ids; a text of one recording may begin with its name by chance."""
    if len(ids) == 1:
        return first_words.keys() == ids and all(first_words.values())
    return not ids.isdisjoint(first_words)

"""Hotwords of a command line."""

import sys
from collections.abc import Iterable
from pathlib import Path

from ..runtime.export import locate_model
from ..runtime.hotwords import parse_hotwords
from ..runtime.model_files import ModelFiles
from ..text.languages import Normalizer

__all__ = ["read_hotwords", "read_hotwords_file", "rules_of_model"]


def rules_of_model(model: str) -> Normalizer:
    """The rules that a model spells by.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.

    Raises:
        FileNotFoundError: If there is no such model, or it has no tokenizer of this package.
    """
    return Normalizer.of(ModelFiles(locate_model(model)).ctc_symbols)


def read_hotwords(entries: Iterable[str], normalize: Normalizer) -> dict[str, float]:
    """Weights by phrase, as [`parse_hotwords`] gives them; the error output shows them, so that a typo is seen.

    Args:
        entries: Each a phrase, or a phrase, a colon and its weight.
        normalize: The rules of the model.

    Raises:
        ValueError: If an entry has no words, or characters that no rule covers.
    """
    hotwords = parse_hotwords(entries, normalize)
    listed = ", ".join(f"{phrase} with weight {weight:g}" for phrase, weight in hotwords.items())
    sys.stderr.write(f"Hotwords: {listed}\n")
    return hotwords


def read_hotwords_file(path: Path, normalize: Normalizer) -> list[str]:
    """The entries of a file with one a line, as [`parse_hotwords`] takes them; `#` begins a comment.

    Args:
        path: The file.
        normalize: The rules of the model.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is no text in UTF-8, or an entry cannot be used; the message has the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the list of hotwords as UTF-8.") from error
    entries = []
    for number, line in enumerate(lines, 1):
        if (entry := line.strip()) and not entry.startswith("#"):
            try:
                parse_hotwords([entry], normalize)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            entries.append(entry)
    return entries

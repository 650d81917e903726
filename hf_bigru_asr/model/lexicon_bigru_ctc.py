"""Lexicon of a language model: its words and their spellings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .ctc_output_bigru_ctc import CTCSymbols, IntArray
from .language_model_files_bigru_ctc import LEXICON_NAME

__all__ = ["UNIT_END", "UNIT_INSIDE", "Lexicon", "lexicon_words"]

UNIT_INSIDE, UNIT_END = "~", "$"
"""Second characters of the one-letter units of spelled words: `Q~` inside a word, `Q$` at its end."""


@dataclass(frozen=True)
class Lexicon:
    """Words with their spellings.

    Args:
        words: Every word once; its place is its number.
        numbers: Number of the word of every spelling `(spellings,)`.
        classes: Classes of all spellings, one behind the other.
        ends: Where each spelling ends in `classes` `(spellings,)`.
    """

    words: list[str]
    numbers: IntArray
    classes: IntArray
    ends: IntArray

    @classmethod
    def read(cls, folder: str | Path, symbols: CTCSymbols) -> "Lexicon":
        """Read the lexicon of a language model.

        Args:
            folder: The language model.
            symbols: The symbols that spellings may have.

        Raises:
            ValueError: If a line is no word with a spelling, or has other symbols.
        """
        path = Path(folder) / LEXICON_NAME
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            content += b"\n"
        if not content.strip():
            raise ValueError(f"{path} has no words; scripts/build_lm.py makes a language model.")
        words, classes, lengths, is_plain = _plain_entries(np.frombuffer(content, dtype=np.uint8), symbols)
        lines = np.flatnonzero(np.frombuffer(b"\n" + content, dtype=np.uint8) == ord("\n"))
        pieces, ends, done = [], np.cumsum(lengths), 0
        for place in np.flatnonzero(~is_plain).tolist():
            line = content[lines[place] : lines[place + 1] - 1]
            words[place], spelling = _parsed(line, path, place + 1, symbols)
            pieces += [classes[done : ends[place] - lengths[place]], spelling]
            done, lengths[place] = int(ends[place]), len(spelling)
        classes = np.concatenate([*pieces, classes[done:]])
        unique = list(dict.fromkeys(words))
        numbers = np.arange(len(words))
        if len(unique) < len(words):
            number_of = {word: number for number, word in enumerate(unique)}
            numbers = np.array([number_of[word] for word in words])
        return cls(unique, numbers, classes, np.cumsum(lengths))

    def with_words(self, added: Iterable[str], symbols: CTCSymbols) -> "Lexicon":
        """The lexicon with further words, which are spelled as they are written."""
        words = sorted(set(added) - set(self.words))
        if not words:
            return self
        spellings = [[*symbols.encode(word), symbols.delimiter] for word in words]
        return Lexicon(
            self.words + words,
            np.concatenate([self.numbers, len(self.words) + np.arange(len(words))]),
            np.concatenate([self.classes, *(np.array(spelling) for spelling in spellings)]),
            np.concatenate([self.ends, self.ends[-1] + np.cumsum([len(spelling) for spelling in spellings])]),
        )


def lexicon_words(folder: str | Path) -> frozenset[str]:
    """Return the words of a language model's lexicon, with the units of spelled words among them."""
    return frozenset(word for word, _ in _entries(Path(folder) / LEXICON_NAME))


def _plain_entries(
    content: npt.NDArray[np.uint8], symbols: CTCSymbols
) -> tuple[list[str], IntArray, IntArray, npt.NDArray[np.bool_]]:
    """Words that are spelled as they are written, in ASCII: nearly all, and too many to look at one by one in Python.

    Args:
        content: Lines, each with its end.
        symbols: The symbols that spellings may have.

    Returns:
        For every line a word and the length of its spelling, the classes of all spellings one behind the other, and
        whether the line is such an entry. What is not has a word and classes without meaning.
    """
    class_of = np.full(256, -1)
    for index, symbol in enumerate(symbols.symbols):
        if len(symbol) == 1 and symbol.isascii() and index not in (symbols.blank, symbols.delimiter):
            class_of[ord(symbol)] = index
    ends = np.flatnonzero(content == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    # WORD W O R D |
    lengths = np.maximum(ends - starts - 2, 0) // 3
    delimiter = symbols.symbols[symbols.delimiter]
    is_plain = (lengths > 0) & (ends - starts == 3 * lengths + 2) & (content[starts + lengths] == ord(" "))
    is_plain &= content[ends - 1] == (ord(delimiter) if len(delimiter) == 1 and delimiter.isascii() else 0)
    lengths = np.where(is_plain, lengths, 0)
    first, behind = starts[is_plain], (starts + lengths)[is_plain]
    letters = content[_inside(first, behind, len(content))]
    spelled = content[_inside(behind + 1, ends[is_plain] - 1, len(content))].reshape(-1, 2)
    letter_classes = class_of[letters]
    is_right = (letters == spelled[:, 0]) & (spelled[:, 1] == ord(" ")) & (letter_classes >= 0)
    if not is_right.all():
        is_plain[np.repeat(np.arange(len(ends)), lengths)[~is_right]] = False
    is_letter = np.ones(len(letters) + len(ends), dtype=np.bool_)
    is_letter[np.cumsum(lengths + 1) - 1] = False
    classes = np.full(len(is_letter), symbols.delimiter)
    classes[is_letter] = letter_classes
    text = np.full(len(is_letter), ord("\n"), dtype=np.uint8)
    text[is_letter] = letters
    return text.tobytes().decode("latin-1").split("\n")[:-1], classes, lengths + 1, is_plain


def _inside(starts: IntArray, ends: IntArray, size: int) -> npt.NDArray[np.bool_]:
    """Whether each of `size` places lies within one of the spans, which have places and do not touch."""
    changes = np.zeros(size, dtype=np.int8)
    changes[starts], changes[ends] = 1, -1
    return np.cumsum(changes, dtype=np.int8).view(np.bool_)


def _parsed(line: bytes, path: Path, number: int, symbols: CTCSymbols) -> tuple[str, IntArray]:
    """Word and classes of one line of a lexicon.

    Raises:
        ValueError: If it is no entry, or has symbols outside the alphabet.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"Line {number} of {path} is not UTF-8: {error}.") from error
    word, *spelling = text.split() or [""]
    blank, delimiter = symbols.symbols[symbols.blank], symbols.symbols[symbols.delimiter]
    allowed = frozenset(symbols.symbols) - {blank}
    if fault := _fault(word, spelling, allowed, delimiter):
        raise ValueError(
            f"Line {number} of {path}, {' '.join(text.split())!r}, has {fault}. A line is a word and its characters, "
            f"from {' '.join(sorted(allowed))}, {delimiter} last."
        )
    return word, np.array([symbols.symbols.index(symbol) for symbol in spelling])


def _fault(word: str, spelling: list[str], symbols: frozenset[str], delimiter: str) -> str | None:
    """Return what is wrong with an entry of a lexicon, or `None`."""
    if not spelling:
        return "a word and no spelling"
    is_unit = len(word) == 2 and word[1] in (UNIT_INSIDE, UNIT_END)
    has_end = spelling[-1] == delimiter
    used = {*(spelling[:-1] if has_end else spelling), *(word[0] if is_unit else word)}
    if unknown := sorted(used - (symbols - {delimiter})):
        return f"symbols outside the alphabet: {' '.join(unknown)}"
    if is_unit and word[1] == UNIT_INSIDE:
        return f"{delimiter} at its end, and is a letter inside a word" if has_end else None
    return None if has_end else f"no {delimiter} at its end"


def _entries(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the word and the spelling of every line of a lexicon."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            word, *spelling = line.split() or [""]
            yield word, spelling

"""Lexicon of a language model: its words and their spellings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .ctc_output_bigru_ctc import CTCSymbols, IntArray
from .language_model_files_bigru_ctc import LEXICON_NAME

__all__ = ["UNIT_END", "UNIT_INSIDE", "Lexicon", "lexicon_words"]

UNIT_INSIDE, UNIT_END = "~", "$"
"""Second characters of the one-letter units of spelled words: `Q~` inside a word, `Q$` at its end."""
_SPELLING_END = "\0"
"""Stands for the delimiter, which may be of several characters, while spellings are one text."""


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
            symbols: The symbols that spellings may have; a spelling has them, and not the characters of a text.

        Raises:
            ValueError: If a line is no word with a spelling, or has other symbols.
        """
        path = Path(folder) / LEXICON_NAME
        delimiter = symbols.symbols[symbols.delimiter]
        allowed = frozenset(symbols.symbols) - {symbols.symbols[symbols.blank]}
        end = f" {delimiter}"
        number_of: dict[str, int] = {}
        numbers: list[int] = []
        spellings: list[str] = []
        others: list[tuple[int, list[str]]] = []
        text = path.read_text(encoding="utf-8")
        if _SPELLING_END in text:
            raise ValueError(f"{path} is no text: it has zero bytes; scripts/build_lm.py makes a language model.")
        lines = text.split("\n")
        for line_number, line in enumerate(lines[: None if lines[-1] else -1], 1):
            word, _, spelling = line.partition(" ")
            # A word that is spelled as it is written needs no look at each of its symbols.
            if spelling != " ".join(word) + end or not word or delimiter in word:
                word, *used = line.split() or [""]
                if fault := _fault(word, used, allowed, delimiter):
                    raise _fault_of_line(path, line_number, line, fault, symbols)
                others.append((len(numbers), used))
                spellings.append("")
            else:
                spellings.append(word)
            numbers.append(number_of.setdefault(word, len(number_of)))
        if not numbers:
            raise ValueError(f"{path} has no words; scripts/build_lm.py makes a language model.")
        classes, is_known = _classes_of(spellings, symbols)
        ends = np.cumsum([len(each) + 1 for each in spellings])
        if not is_known.all():
            place = int(np.searchsorted(ends, np.flatnonzero(~is_known)[0], side="right"))
            _, *used = lines[place].split()
            fault = _fault(spellings[place], used, allowed, delimiter) or "unknown symbols"
            raise _fault_of_line(path, place + 1, lines[place], fault, symbols)
        return cls(list(number_of), np.array(numbers), classes, ends)._with_spellings(others, symbols)

    def with_words(self, added: Iterable[str], symbols: CTCSymbols) -> "Lexicon":
        """The lexicon with further words, which are spelled as they are written."""
        words = sorted(set(added) - set(self.words))
        if not words:
            return self
        classes, _ = _classes_of(words, symbols)
        return Lexicon(
            self.words + words,
            np.concatenate([self.numbers, len(self.words) + np.arange(len(words))]),
            np.concatenate([self.classes, classes]),
            np.concatenate([self.ends, self.ends[-1] + np.cumsum([len(word) + 1 for word in words])]),
        )

    def _with_spellings(self, others: list[tuple[int, list[str]]], symbols: CTCSymbols) -> "Lexicon":
        """The lexicon with spellings in place of those that consist of a delimiter alone.

        Args:
            others: Places of the spellings, ascending, and their symbols.
            symbols: All symbols.
        """
        if not others:
            return self
        class_of = {symbol: index for index, symbol in enumerate(symbols.symbols)}
        lengths = np.diff(self.ends, prepend=0)
        pieces, done = [], 0
        for place, used in others:
            pieces += [self.classes[done : self.ends[place] - 1], np.array([class_of[each] for each in used])]
            done = int(self.ends[place])
            lengths[place] = len(used)
        pieces.append(self.classes[done:])
        return Lexicon(self.words, self.numbers, np.concatenate(pieces), np.cumsum(lengths))


def lexicon_words(folder: str | Path) -> frozenset[str]:
    """Return the words of a language model's lexicon, with the units of spelled words among them."""
    return frozenset(word for word, _ in _entries(Path(folder) / LEXICON_NAME))


def _classes_of(words: list[str], symbols: CTCSymbols) -> tuple[IntArray, np.ndarray]:
    """Classes of the characters of words, a delimiter behind each, and which of them are in the alphabet."""
    text = _SPELLING_END.join([*words, ""])
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    table = np.full(int(codes.max(initial=0)) + 1, -1)
    table[ord(_SPELLING_END)] = symbols.delimiter
    for index, symbol in enumerate(symbols.symbols):
        if index not in (symbols.blank, symbols.delimiter) and len(symbol) == 1 and ord(symbol) < len(table):
            table[ord(symbol)] = index
    classes = table[codes]
    return classes, classes >= 0


def _fault_of_line(path: Path, number: int, line: str, fault: str, symbols: CTCSymbols) -> ValueError:
    delimiter = symbols.symbols[symbols.delimiter]
    allowed = sorted(set(symbols.symbols) - {symbols.symbols[symbols.blank]})
    return ValueError(
        f"Line {number} of {path}, {' '.join(line.split())!r}, has {fault}. A line is a word and its characters, from "
        f"{' '.join(allowed)}, {delimiter} last."
    )


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

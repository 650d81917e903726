"""What a beam search over words finds, and how sure each word is among all that it finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .ctc_output_bigru_ctc import CTCSymbols, IntArray

__all__ = ["Check", "FoundPath", "FoundWords", "no_check"]

Check = Callable[[], None]
"""Called now and then by what takes long; raises when the results are no longer wanted."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, with its bits well mixed: powers of it make a code of the letters of a word."""


def no_check() -> None:
    """The [`Check`] of those who want the results whatever happens."""


@dataclass(frozen=True)
class FoundPath:
    """A path that a search found.

    Args:
        words: Its entries of the lexicon, words and units of spelled words.
        score: Logarithm of its weight.
        classes: Class of every frame `(frames,)`.
    """

    words: list[str]
    score: float
    classes: IntArray


@dataclass(frozen=True)
class FoundWords:
    """Words between delimiters on some paths, as arrays `(words,)`, path by path.

    Args:
        paths: Number of the path.
        codes: The same for equal letters; for others it differs, but by a chance of 2^-64.
        firsts: First frame.
        lasts: Frame in which the last letter begins.
    """

    paths: IntArray
    codes: npt.NDArray[np.uint64]
    firsts: IntArray
    lasts: IntArray

    @classmethod
    def of(cls, paths: Sequence[FoundPath], symbols: CTCSymbols) -> "FoundWords":
        """The words of paths of equally many frames."""
        classes = np.stack([path.classes for path in paths])
        begins = np.diff(classes, axis=1, prepend=-1) != 0
        numbers, frames = np.nonzero(begins & (classes != symbols.blank))
        labels = classes[numbers, frames]
        is_letter = labels != symbols.delimiter
        follows_letter = np.concatenate([[False], is_letter[:-1] & (numbers[1:] == numbers[:-1])])[: len(labels)]
        is_first = (is_letter & ~follows_letter)[is_letter]
        numbers, frames, labels = numbers[is_letter], frames[is_letter], labels[is_letter]
        starts = np.flatnonzero(is_first)
        if len(starts) == 0:
            return cls(starts, starts.astype(np.uint64), starts, starts)
        lengths = np.diff(starts, append=len(labels))
        powers = np.cumprod(np.full(int(lengths.max()), _BASE))
        places = np.arange(len(labels)) - np.repeat(starts, lengths)
        codes = np.add.reduceat((labels + 1).astype(np.uint64) * powers[places], starts)
        return cls(numbers[starts], codes, frames[starts], frames[starts + lengths - 1])

    def posteriors(self, alternatives: "FoundWords", weights: Sequence[float]) -> list[float]:
        """Posterior of each word: total weight of the paths that have it at an overlapping time.

        Args:
            alternatives: Words of all paths.
            weights: Weights of all paths, which sum to 1.

        Returns:
            One number for each word; 0 if no path has it there.

        Source: F. Wessel et al., "Confidence measures for large vocabulary continuous speech recognition", IEEE
        Transactions on Speech and Audio Processing 9 (2001), the sum over overlapping words, on N-best lists.
        """
        is_same = self.codes[:, None] == alternatives.codes
        is_same &= (self.lasts[:, None] >= alternatives.firsts) & (self.firsts[:, None] <= alternatives.lasts)
        has_word = np.zeros((len(self.codes), len(weights)))
        words, places = np.nonzero(is_same)
        has_word[words, alternatives.paths[places]] = 1.0
        found: list[float] = (has_word @ np.array(weights)).tolist()
        return found

"""What a beam search over words finds."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .ctc_output_bigru_ctc import CTCSymbols, IntArray

__all__ = ["FoundPath", "WordPlace"]

WordPlace = tuple[tuple[int, ...], int, int]
"""A word's token ids, its first frame and its last frame."""


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

    def places(self, symbols: CTCSymbols) -> list[WordPlace]:
        """Words between delimiters with their first and last frames."""
        starts = np.flatnonzero(np.diff(self.classes, prepend=-1))
        starts = starts[self.classes[starts] != symbols.blank]
        tokens = self.classes[starts]
        edges = [-1, *np.flatnonzero(tokens == symbols.delimiter).tolist(), len(tokens)]
        token_list, frame_list = tokens.tolist(), starts.tolist()
        return [
            (tuple(token_list[before + 1 : end]), frame_list[before + 1], frame_list[end - 1])
            for before, end in pairwise(edges)
            if end > before + 1
        ]

"""Text as the word pieces that a neural language model is trained on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

__all__ = ["PieceDataset", "join_sentences"]

_MAX_PIECES = 120
_SENTENCES_AT_ONCE = 50_000


def join_sentences(sentences: Iterable[str], probability: float, generator: np.random.Generator) -> Iterator[str]:
    """Sentences, some of them joined to what follows: speech is not cut where sentences end.

    Args:
        sentences: Normalised text.
        probability: Of being joined to the next sentence, from 0 to below 1.
        generator: Decides.

    Raises:
        ValueError: If the probability is out of range.
    """
    if not 0 <= probability < 1:
        raise ValueError(f"probability is {probability}; it must be from 0 to below 1.")
    return _join(sentences, probability, generator)


def _join(sentences: Iterable[str], probability: float, generator: np.random.Generator) -> Iterator[str]:
    joined: list[str] = []
    for sentence in sentences:
        joined.append(sentence)
        if generator.random() >= probability:
            yield " ".join(joined)
            joined = []
    if joined:
        yield " ".join(joined)


@dataclass(frozen=True)
class PieceDataset:
    """Sentences as rows `{"input_ids": ...}`, for `Trainer`; what is longer than 120 pieces stands in several.

    Args:
        pieces: `(pieces,)` of all sentences.
        starts: `(rows + 1,)` where each row begins, and the last one ends.
    """

    pieces: npt.NDArray[np.uint16]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of_sentences(cls, sentences: Iterable[str], tokenizer: Tokenizer) -> "PieceDataset":
        """Split normalised sentences into pieces."""
        chunks: list[npt.NDArray[np.uint16]] = []
        lengths: list[int] = []
        remaining = iter(sentences)
        while group := list(islice(remaining, _SENTENCES_AT_ONCE)):
            rows = [encoding.ids for encoding in tokenizer.encode_batch(group, add_special_tokens=False)]
            chunks.append(np.fromiter((piece for row in rows for piece in row), dtype=np.uint16))
            for row in rows:
                full, rest = divmod(len(row), _MAX_PIECES)
                lengths += [_MAX_PIECES] * full + [rest] * bool(rest)
        return cls(np.concatenate(chunks), np.cumsum([0, *lengths]))

    @property
    def num_pieces(self) -> int:
        """Pieces of all sentences."""
        return len(self.pieces)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self.pieces[self.starts[index] : self.starts[index + 1]].astype(np.int64)}

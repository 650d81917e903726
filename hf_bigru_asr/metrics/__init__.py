"""Word and character error rates over a whole corpus.

`word_error_counts` and `character_error_counts` count; the folders `wer` and `cer` here give the same counts
as `evaluate` modules, which load without a network: `evaluate.load(str(metric_path("wer")))`.

A rate belongs to a corpus: the edits of all utterances over the words (characters) of all references, and not the mean
of the utterances' rates. Texts are compared as they come, but for whitespace, which is collapsed: pass both sides
through `hf_bigru_asr.text.normalize_transcript` before. An empty reference is valid, and every word of its hypothesis
is an insertion. A corpus without a single reference word has no rate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jiwer

__all__ = ["ErrorCounts", "character_error_counts", "metric_path", "word_error_counts"]


@dataclass(frozen=True)
class ErrorCounts:
    """What an alignment of hypotheses with references counts, in words or in characters.

    Counts of two parts of a corpus add up to the counts of the whole: `sum(parts, ErrorCounts())`.

    Attributes:
        hits: Units that are right.
        substitutions: Units of the references that are another one in the hypotheses.
        deletions: Units of the references that the hypotheses lack.
        insertions: Units of the hypotheses that the references lack.

    Example:
        >>> counts = word_error_counts(["THE CAT SAT"], ["THE CAT SAT DOWN"])
        >>> counts
        ErrorCounts(hits=3, substitutions=0, deletions=0, insertions=1)
        >>> round(counts.error_rate, 3), counts.precision, counts.recall
        (0.333, 0.75, 1.0)
    """

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def num_edits(self) -> int:
        """The Levenshtein distance, summed over the utterances."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def num_reference(self) -> int:
        """The number of units in the references."""
        return self.hits + self.substitutions + self.deletions

    @property
    def num_predicted(self) -> int:
        """The number of units in the hypotheses."""
        return self.hits + self.substitutions + self.insertions

    @property
    def error_rate(self) -> float:
        """Edits per reference unit. 0.0 is perfect; insertions can carry it beyond 1.0.

        Raises:
            ValueError: If the references have no units at all.
        """
        if self.num_reference == 0:
            raise ValueError(
                "the references hold no words at all, so there is no error rate "
                f"({self.num_predicted} were predicted): score at least one reference that is not empty"
            )
        return self.num_edits / self.num_reference

    @property
    def precision(self) -> float:
        """Share of the predicted units that are right, 0.0 where nothing was predicted."""
        return self.hits / self.num_predicted if self.num_predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the reference units that were found, 0.0 where there are none."""
        return self.hits / self.num_reference if self.num_reference else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0.0 without a hit."""
        return 2 * self.hits / (self.num_predicted + self.num_reference) if self.hits else 0.0

    def __add__(self, other: "ErrorCounts") -> "ErrorCounts":
        """Return the counts of both parts together."""
        if not isinstance(other, ErrorCounts):
            return NotImplemented
        return ErrorCounts(
            hits=self.hits + other.hits,
            substitutions=self.substitutions + other.substitutions,
            deletions=self.deletions + other.deletions,
            insertions=self.insertions + other.insertions,
        )

    def as_dict(self, rate_name: str, total_name: str) -> dict[str, float | int]:
        """Return every measure by name, as the `evaluate` modules do.

        Args:
            rate_name: Key of the error rate, `"wer"` or `"cer"`.
            total_name: Key of the number of reference units, `"num_words"` or `"num_characters"`.

        Raises:
            ValueError: If the references have no units at all.
        """
        return {
            rate_name: self.error_rate,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "substitutions": self.substitutions,
            "deletions": self.deletions,
            "insertions": self.insertions,
            "hits": self.hits,
            total_name: self.num_reference,
        }


def word_error_counts(references: Sequence[str], predictions: Sequence[str]) -> ErrorCounts:
    """Return the word counts of a minimal alignment, summed over the utterances.

    The number of edits is unique. Where alignments with the same number of edits split it differently, the counts are
    those of `jiwer`.

    Args:
        references: Transcripts, one string for each utterance. Words are what whitespace separates.
        predictions: Hypotheses, in the same order.

    Raises:
        ValueError: The two differ in length.
        TypeError: One of them is a single string, or an item is no string.

    Example:
        >>> word_error_counts(["A B C", ""], ["A X C", "D"])
        ErrorCounts(hits=2, substitutions=1, deletions=0, insertions=1)
    """
    return _error_counts(references, predictions, _align_words, str.split)


def character_error_counts(references: Sequence[str], predictions: Sequence[str]) -> ErrorCounts:
    """Return the character counts of a minimal alignment, summed over the utterances.

    The space between two words is a character too; whitespace is collapsed before.

    Args:
        references: Transcripts, one string for each utterance.
        predictions: Hypotheses, in the same order.

    Raises:
        ValueError: The two differ in length.
        TypeError: One of them is a single string, or an item is no string.

    Example:
        >>> character_error_counts(["A CAT"], ["A COT"])
        ErrorCounts(hits=4, substitutions=1, deletions=0, insertions=0)
    """
    return _error_counts(references, predictions, _align_characters, list)


def metric_path(name: Literal["wer", "cer"]) -> Path:
    """Return the folder of an `evaluate` module.

    Raises:
        ValueError: There is no such module here.

    Example:
        >>> import evaluate
        >>> wer = evaluate.load(str(metric_path("wer")))
        >>> wer.compute(references=["A B"], predictions=["A C"])["wer"]
        0.5
    """
    if name not in ("wer", "cer"):
        raise ValueError(f"name is {name!r}; it must be 'wer' or 'cer'")
    return Path(__file__).resolve().parent / name


def _error_counts(
    references: Sequence[str],
    predictions: Sequence[str],
    align: Callable[[list[str], list[str]], jiwer.WordOutput | jiwer.CharacterOutput],
    units_of: Callable[[str], list[str]],
) -> ErrorCounts:
    references = _collapsed(references, "references")
    predictions = _collapsed(predictions, "predictions")
    if len(references) != len(predictions):
        raise ValueError(
            f"{len(references)} references came with {len(predictions)} predictions; give one prediction for each "
            "reference, an empty string where nothing was recognised"
        )
    # jiwer has refused empty references in some releases and counted them in others.
    pairs = list(zip(references, predictions, strict=True))
    num_inserted = sum(len(units_of(prediction)) for reference, prediction in pairs if not reference)
    pairs = [pair for pair in pairs if pair[0]]
    if not pairs:
        return ErrorCounts(insertions=num_inserted)
    alignment = align([reference for reference, _ in pairs], [prediction for _, prediction in pairs])
    return ErrorCounts(
        hits=alignment.hits,
        substitutions=alignment.substitutions,
        deletions=alignment.deletions,
        insertions=alignment.insertions + num_inserted,
    )


def _collapsed(texts: Sequence[str], name: str) -> list[str]:
    if isinstance(texts, str):
        raise TypeError(f"{name} is one string, {texts[:40]!r}; give a list of strings, one for each utterance")
    collapsed = []
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{position}] is a {type(text).__name__}, {text!r}; it must be a string")
        collapsed.append(" ".join(text.split()))
    return collapsed


def _align_words(references: list[str], predictions: list[str]) -> jiwer.WordOutput:
    return jiwer.process_words(references, predictions)


def _align_characters(references: list[str], predictions: list[str]) -> jiwer.CharacterOutput:
    return jiwer.process_characters(references, predictions)

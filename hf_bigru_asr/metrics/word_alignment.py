"""Words of a hypothesis beside those of its reference, aligned as NIST's sclite aligns them."""

from collections.abc import Sequence

import numpy as np

__all__ = ["align_words"]

# sclite weighs a substitution less than a deletion and an insertion together, but more than one of them.
SUBSTITUTION, DELETION, INSERTION = 4, 3, 3

_PAIR, _INSERTED, _DELETED = 0, 1, 2


def align_words(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """The alignment with the least weight, in which a substitution weighs 4, a deletion and an insertion 3 each.

    It can have more errors than the Levenshtein distance counts: five substitutions weigh more than three deletions
    and three insertions. Among alignments of the same weight it is sclite's: from the end, a pair goes before an
    insertion and an insertion before a deletion.

    Args:
        reference: Words of the reference.
        hypothesis: Words of the hypothesis.

    Returns:
        Pairs in order: equal words, different ones (a substitution), `(word, None)` (a deletion) or `(None, word)` (an
        insertion).

    Source: sclite of SCTK 2.4.10, with which the counts of tests/metrics/test_word_alignment.py were compared.

    Example:
        >>> align_words("THE CAT SAT".split(), "A CAT".split())
        [('THE', 'A'), ('CAT', 'CAT'), ('SAT', None)]
    """
    steps = _steps(reference, hypothesis)
    pairs: list[tuple[str | None, str | None]] = []
    row, column = len(reference), len(hypothesis)
    while row or column:
        step = steps[row, column]
        row -= step != _INSERTED
        column -= step != _DELETED
        pairs.append((reference[row] if step != _INSERTED else None, hypothesis[column] if step != _DELETED else None))
    return pairs[::-1]


def _steps(reference: Sequence[str], hypothesis: Sequence[str]) -> np.ndarray:
    """Last step of the best alignment of every two beginnings, `(reference words + 1, hypothesis words + 1)`."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys([*reference, *hypothesis]))}
    columns = np.array([numbers[word] for word in hypothesis], np.int32)
    # An insertion adds the same to every column: the best way along a row is a running minimum without it.
    ramp = INSERTION * np.arange(len(hypothesis) + 1, dtype=np.int32)
    weights = ramp
    steps = np.empty((len(reference) + 1, len(hypothesis) + 1), np.uint8)
    steps[0] = _INSERTED
    for number, word in enumerate(reference, start=1):
        paired = weights[:-1] + SUBSTITUTION * (columns != numbers[word])
        best = np.concatenate([[DELETION * number], np.minimum(paired, weights[1:] + DELETION)])
        weights = np.minimum.accumulate(best - ramp) + ramp
        inserted = np.where(weights[:-1] + INSERTION == weights[1:], _INSERTED, _DELETED)
        steps[number, 0] = _DELETED
        steps[number, 1:] = np.where(paired == weights[1:], _PAIR, inserted)
    return steps

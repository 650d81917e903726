"""The alignment has the least weight of all, and of those it is sclite's."""

import random
from functools import cache

import pytest

from hf_bigru_asr.metrics.word_alignment import align_words

# Counts that sclite 2.4.10 gave: hits, substitutions, deletions, insertions.
BY_SCLITE = [
    ("a b c d e", "b c d e f", (4, 0, 1, 1)),
    ("c a b a b c", "a b c c", (3, 1, 2, 0)),
    ("a a b", "b a c a", (2, 0, 1, 2)),
    ("", "a b", (0, 0, 0, 2)),
    ("a b", "", (0, 0, 2, 0)),
]


def counts(pairs: list[tuple[str | None, str | None]]) -> tuple[int, int, int, int]:
    deletions = sum(word is None for _, word in pairs)
    insertions = sum(word is None for word, _ in pairs)
    hits = sum(reference == hypothesis for reference, hypothesis in pairs)
    return hits, len(pairs) - hits - deletions - insertions, deletions, insertions


def least_weight(reference: list[str], hypothesis: list[str]) -> int:
    """By trying every alignment."""

    @cache
    def weight(row: int, column: int) -> int:
        if row == len(reference) or column == len(hypothesis):
            return 3 * (len(reference) - row + len(hypothesis) - column)
        pair = weight(row + 1, column + 1) + 4 * (reference[row] != hypothesis[column])
        return min(pair, weight(row + 1, column) + 3, weight(row, column + 1) + 3)

    return weight(0, 0)


def test_random_texts_have_the_least_weight_and_all_their_words() -> None:
    source = random.Random(0)
    for _ in range(150):
        texts = [source.choices("ABC", k=source.randint(0, 9)) for _ in range(2)]
        pairs = align_words(*texts)
        for text, words in zip(texts, zip(*pairs, strict=True), strict=False):
            assert [word for word in words if word is not None] == text
        assert (None, None) not in pairs
        _, substitutions, deletions, insertions = counts(pairs)
        assert 4 * substitutions + 3 * (deletions + insertions) == least_weight(*texts)


@pytest.mark.parametrize(("reference", "hypothesis", "expected"), BY_SCLITE)
def test_counts_of_sclite(reference: str, hypothesis: str, expected: tuple[int, ...]) -> None:
    assert counts(align_words(reference.split(), hypothesis.split())) == expected


def test_it_can_have_more_errors_than_the_levenshtein_distance() -> None:
    pairs = align_words(list("abcdexyz"), list("xyzpqrst"))
    assert counts(pairs) == (3, 0, 5, 5)  # eight substitutions weigh 32, ten deletions and insertions 30

"""Which part of a text is spoken in a recording: a preface, or an end, may not be."""

from collections.abc import Sequence
from itertools import accumulate

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from .aligned_text import Alignment, SpokenText

__all__ = ["MIN_SCORE", "spoken_part", "unmatched_runs"]

MIN_SCORE = 0.02
"""Score of an alignment that a text of something else does not reach.

In 80 utterances of test-clean their own texts had at least 0.078, texts of others of like length at most 0.004, and
the first halves of their own at most 0.012.
"""
MIN_WORD_SCORE = 0.1
"""Most words that are spoken have more, and most that are not have less."""
MIN_RUN = 8
"""Words in a row with less than `MIN_WORD_SCORE` that are hardly chance."""
_LIKE = 50.0
"""Percentage of like characters that makes two words the same one, misheard."""


def spoken_part(text: SpokenText, hypothesis: str) -> tuple[int, int]:
    """The words of a text that are spoken, from its first to its last one.

    Args:
        text: What may be spoken in part.
        hypothesis: What a recogniser gives for the recording, with errors.

    Returns:
        Number of the first word, and of the one after the last.

    Raises:
        ValueError: If nothing of the text is in the hypothesis.
    """
    spoken = [(word, number) for number, each in enumerate(text.words) for word in each.normalized.split()]
    heard = hypothesis.split()
    gains = [-1] * len(spoken)
    partner: dict[int, int] = {}
    for each in Levenshtein.opcodes([word for word, _ in spoken], heard):
        if each.tag not in ("equal", "replace"):
            continue
        for place in range(each.src_start, each.src_end):
            other = each.dest_start + place - each.src_start
            if each.tag == "equal" or fuzz.ratio(spoken[place][0], heard[other]) >= _LIKE:
                gains[place], partner[place] = 1, other
    first, last = _best_run(gains)
    if first == last:
        raise ValueError("nothing of the text is in the recording; check that they belong together.")
    # What is heard before the first word that matches, and after the last one, are words that were misheard.
    first = max(first - partner[first], 0)
    last = min(last + len(heard) - 1 - partner[last - 1], len(spoken))
    return spoken[first][1], spoken[last - 1][1] + 1


def _best_run(gains: Sequence[int]) -> tuple[int, int]:
    """Start and end of the run with the largest sum; an empty one if none is positive."""
    sums = [0, *accumulate(gains)]
    best, lowest = (0, 0, 0), 0
    for end, total in enumerate(sums):
        if total < sums[lowest]:
            lowest = end
        best = max(best, (total - sums[lowest], lowest, end), key=lambda run: run[0])
    return best[1:]


def unmatched_runs(alignment: Alignment) -> list[tuple[int, int]]:
    """Runs of at least `MIN_RUN` words that do not match the recording: starts, and ends behind the last one."""
    runs, start = [], 0
    for number, word in enumerate([*alignment.words, None]):
        if word is not None and word.score < MIN_WORD_SCORE:
            continue
        if number - start >= MIN_RUN:
            runs.append((start, number))
        start = number + 1
    return runs

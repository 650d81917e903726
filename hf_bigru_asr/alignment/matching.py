"""Which part of a text is spoken in a recording: a preface, or an end, may not be."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from .aligned_text import Alignment, SpokenText

__all__ = ["MIN_SCORE", "spoken_part", "unmatched_runs"]

MIN_SCORE = 0.05
"""Score of an alignment that a text of something else does not reach.

On the validation split of LibriSpeech 146 utterances have at least 0.36 with their own texts (0.21 on the telephone,
0.38 with noise 10 dB below the speech), at most 0.004 with others of like length, and in 99 % of all cases less than
0.05 with a text whose second half is another one's. Of 310 utterances of other speech one has less with its own.
"""
MIN_RUN = 8
"""Words in a row whose score together is hardly chance."""
MIN_RUN_SCORE = 0.02
"""Score of `MIN_RUN` words in a row that others than those that are spoken do not reach.

Of the same utterances, 0.3 % have a lower one somewhere in their own texts, and 99 % where eight words are others.
"""
MIN_WORD_SCORE = 0.1
"""Most words that are spoken have more, and most that are not have less."""
_LIKE = 50.0
"""Percentage of like characters that makes two words the same one, misheard."""
_LOWEST_SCORE = 1e-4
"""What the score of a word counts as at least, so that a single one makes no run."""


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
    """Runs of words that do not match the recording: starts, and ends behind the last one.

    In a run, every `MIN_RUN` words in a row have a score below `MIN_RUN_SCORE`: the geometric mean over their
    characters. Words at its ends that match by themselves are left out.
    """
    scores = [word.score for word in alignment.words]
    lengths = np.array([len(word.normalized) for word in alignment.words])
    logs = np.concatenate([[0.0], np.cumsum(lengths * np.log(np.maximum(scores, _LOWEST_SCORE)))])
    sizes = np.concatenate([[0], np.cumsum(lengths)])
    first = np.arange(max(len(scores) - MIN_RUN + 1, 0))
    is_low = logs[first + MIN_RUN] - logs[first] < np.log(MIN_RUN_SCORE) * (sizes[first + MIN_RUN] - sizes[first])
    runs = []
    low = first[is_low].tolist()
    for start, end in _joined([(place, place + MIN_RUN) for place in low]):
        unlike = [place for place in range(start, end) if scores[place] < MIN_WORD_SCORE]
        runs.append((unlike[0], unlike[-1] + 1))
    return runs


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined

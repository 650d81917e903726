"""Times of words from the frames that a CTC network marks their characters with.

Such a network marks a character with a frame or two somewhere in its sound, and a word's end with its space:

- A word ends in the middle of the frames of its space, which come where the sound ends. The last word has none: it
  ends `TAIL_S` after its last character.
- A word begins `LEAD_S` before the frames of its first character, and at most `MAX_ONSET_S` before those of its second
  one, because the first one is sometimes marked early, in the pause before the word. Words do not overlap.
- Inside a word a character ends, and the next one begins, half way between the frames of the two.

The three lengths were measured with a model of this network with frames of 20 ms, on words of synthetic speech, of
three voices of hibari and flite, put together without pauses and with pauses of up to 0.6 s: they make the median
errors of beginnings and ends near zero.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise

from ..model.ctc_alignment_bigru_ctc import CharacterSpan, FrameSpan

__all__ = ["word_characters"]

LEAD_S = 0.02
MAX_ONSET_S = 0.18
TAIL_S = 0.08


def word_characters(
    text: str, spans: Sequence[FrameSpan], peaks: Sequence[float], frame_s: float, duration_s: float
) -> list[tuple[CharacterSpan, ...]]:
    """Characters of every word, which fill its time without gaps.

    Args:
        text: Words separated by one space.
        spans: Frames of every character of `text`.
        peaks: Highest probability of every character of `text`.
        frame_s: Seconds per frame.
        duration_s: Length of the recording.
    """
    words: list[tuple[CharacterSpan, ...]] = []
    free_s = 0.0  # where the word before ends
    for is_space, group in groupby(range(len(text)), key=lambda index: text[index] == " "):
        if is_space:
            continue
        indices = list(group)
        marks = [(spans[index].start * frame_s, spans[index].end * frame_s) for index in indices]
        after = indices[-1] + 1
        if after < len(text):
            next_s = spans[after].start * frame_s
            end_s = (next_s + spans[after].end * frame_s) / 2
        else:
            next_s = end_s = min(marks[-1][1] + TAIL_S, duration_s)
        onset_s = marks[1][0] if len(marks) > 1 else next_s
        start_s = max(marks[0][0] - LEAD_S, onset_s - MAX_ONSET_S, free_s)
        edges = [start_s, *((max(left[1], start_s) + right[0]) / 2 for left, right in pairwise(marks)), end_s]
        words.append(
            tuple(
                CharacterSpan(text[index], begin, end, peaks[index])
                for index, (begin, end) in zip(indices, pairwise(edges), strict=True)
            )
        )
        free_s = end_s
    return words

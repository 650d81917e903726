"""Stretches of speech: words of one channel between pauses, and the turns of those who speak on several."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .options import SENTENCE_PAUSE_S
from .transcript import TimedTranscript, TimedWord

__all__ = ["Segment", "segments_of", "turns_of"]

MAX_SEGMENT_S = 30.0
"""Longer speech without a pause is cut where the gap between two words is widest."""


@dataclass(frozen=True)
class Segment:
    """Words of one channel that belong together.

    Args:
        channel: Number of the channel, from 0.
        words: At least one.
    """

    channel: int
    words: tuple[TimedWord, ...] = field(repr=False)

    @property
    def start_s(self) -> float:
        """Start of the first word in seconds."""
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        """End of the last word."""
        return max(word.end_s for word in self.words)

    @property
    def text(self) -> str:
        """The words, separated by one space."""
        return " ".join(" ".join(word.text.split()) for word in self.words)


def segments_of(transcript: TimedTranscript) -> list[Segment]:
    """Stretches of speech without a pause of 0.7 s, each on one channel and of at most 30 s, in order of time."""
    found = []
    for channel in transcript.channels:
        piece: list[TimedWord] = []
        last_s = 0.0  # words may overlap
        for word in (each for each in transcript.words if each.channel == channel):
            if piece and word.start_s - last_s >= SENTENCE_PAUSE_S:
                found += _short_segments(channel, piece)
                piece = []
            piece.append(word)
            last_s = max(last_s, word.end_s)
        found += _short_segments(channel, piece)
    return sorted(found, key=lambda segment: (segment.start_s, segment.channel))


def turns_of(transcript: TimedTranscript) -> list[Segment]:
    """Segments of one channel as long as nobody goes on speaking after them on another one, joined."""
    turns: list[list[Segment]] = []
    last: dict[int, list[Segment]] = {}
    spoken_until: dict[int, float] = {}
    for segment in segments_of(transcript):
        turn = last.get(segment.channel)
        others_until = max((end for channel, end in spoken_until.items() if channel != segment.channel), default=0.0)
        if turn is None or others_until > spoken_until[segment.channel]:
            turn = last[segment.channel] = []
            turns.append(turn)
        turn.append(segment)
        spoken_until[segment.channel] = max(segment.end_s, spoken_until.get(segment.channel, 0.0))
    return [Segment(turn[0].channel, tuple(word for each in turn for word in each.words)) for turn in turns]


def _short_segments(channel: int, words: Sequence[TimedWord]) -> list[Segment]:
    """Segments of at most `MAX_SEGMENT_S`, of words without a long pause."""
    found: list[Segment] = []
    waiting = [tuple(words)] if words else []
    while waiting:
        piece = waiting.pop()
        if len(piece) > 1 and max(word.end_s for word in piece) - piece[0].start_s > MAX_SEGMENT_S:
            # Of equal gaps the one nearest to the middle.
            middle = (piece[0].start_s + piece[-1].end_s) / 2
            gaps = [
                (round(after.start_s - before.end_s, 3), -abs(after.start_s - middle))
                for before, after in pairwise(piece)
            ]
            cut = gaps.index(max(gaps)) + 1
            waiting += [piece[cut:], piece[:cut]]
        else:
            found.append(Segment(channel, piece))
    return found

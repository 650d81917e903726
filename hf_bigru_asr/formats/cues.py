"""Words to cues of subtitles as editors want them: short phrases, when they are spoken, for as long as one reads.

The cuts between cues are those of the least cost over the whole text, by dynamic programming. No word is left out:
where people speak faster than others read, and no silence follows, the cue is as fast as the speech.

Source: the limits of the Netflix Timed Text Style Guide (42 characters, 2 lines, 7 s, 20 characters a second).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from .layout import MAX_CUE_CHARACTERS, MAX_LINE_CHARACTERS, layout
from .phrases import break_cost
from .times import milliseconds
from .transcript import TimedTranscript, TimedWord

__all__ = ["Cue", "Token", "cues_of"]

MIN_CUE_MS = 1000
MAX_CUE_MS = 7000
MS_PER_CHARACTER = 50
"""20 characters a second, spaces included."""

LINGER_MS = 400
"""How much longer than its speech a cue is shown, in silence. So a short gap before the next one is closed."""

MAX_LEAD_MS = 1000
"""How much earlier than its speech a cue that is too short may begin, in silence."""

LONG_PAUSE_MS = 700
"""A pause that should not lie inside of a cue."""

# Costs in the unit of `break_cost`.
_CUE = 1.5
_ONE_WORD = 1.0
_PER_MISSING_S = 10.0
_PER_FAST_CHARACTER = 0.4
_LONG_PAUSE = 3.0
_LAYOUT_WEIGHT = 0.5


@dataclass(frozen=True)
class Token:
    """A word, or a part of a written one that is longer than a line, and its time."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Cue:
    """What is shown at once.

    Args:
        start_ms: When it appears.
        end_ms: When it disappears, later than it appears.
        channel: Number of the channel.
        lines: One or two, of one token at least.
        stamps: For every token of every line the time stamp before it, if it may have one: it begins after the
            cue and the stamp before, and before the cue ends.
    """

    start_ms: int
    end_ms: int
    channel: int
    lines: tuple[tuple[Token, ...], ...]
    stamps: tuple[tuple[int | None, ...], ...]


@dataclass
class _Draft:
    """A cue before it has lines."""

    channel: int
    tokens: Sequence[Token]
    next_ms: int | None = None
    """Start of the next one of its channel."""

    start_ms: int = 0
    end_ms: int = 0


def cues_of(
    transcript: TimedTranscript, *, label_width: int = 0, word_stamps: bool = False, exact_times: bool = False
) -> list[Cue]:
    """Cues of all channels in order of time; those of one channel do not overlap.

    Args:
        transcript: Words with times.
        label_width: Characters that are kept free at the start of every cue, for the name of its channel.
        word_stamps: Whether the cues will have time stamps inside.
        exact_times: Whether cues begin and end with their speech, however short they are.
    """
    drafts: list[_Draft] = []
    for channel in transcript.channels:
        tokens = [token for word in transcript.words if word.channel == channel for token in _tokens(word)]
        own = [_Draft(channel, piece) for piece in _cut(tokens, label_width)]
        for draft, after in pairwise(own):
            draft.next_ms = after.tokens[0].start_ms
        drafts += own
    drafts.sort(key=lambda draft: (draft.tokens[0].start_ms, draft.channel))
    _set_spoken_times(drafts)
    if not exact_times:
        _set_shown_times(drafts, milliseconds(transcript.duration_s), label_width)
    cues = [_finished(draft, label_width, word_stamps) for draft in drafts]
    return sorted(cues, key=lambda cue: (cue.start_ms, cue.channel))


def _tokens(word: TimedWord) -> list[Token]:
    """The word, or its parts, if it is longer than a line and has spaces; they share its time by their letters."""
    parts = word.text.split()
    start, end = milliseconds(word.start_s), milliseconds(word.end_s)
    if sum(map(len, parts)) + len(parts) - 1 <= MAX_LINE_CHARACTERS:
        return [Token(" ".join(parts), start, end)]
    edges = [0]
    for part in parts:
        edges.append(edges[-1] + len(part))
    times = [start + (end - start) * edge // edges[-1] for edge in edges]
    return [Token(part, *times[place : place + 2]) for place, part in enumerate(parts)]


def _cut(tokens: Sequence[Token], label_width: int) -> list[Sequence[Token]]:
    """Tokens of one channel in pieces, each of which is a cue."""
    texts = [token.text for token in tokens]
    pauses = _pauses(tokens)
    breaks = [*_breaks(tokens), 0.0]
    costs, cut_before = [0.0] + [math.inf] * len(tokens), [0] * (len(tokens) + 1)
    for first in range(len(tokens)):
        width, pause_cost, end_ms = label_width - 1, 0.0, 0
        # The cue before takes the first part of a pause.
        before_ms = min(max((pauses[first] if first else tokens[0].start_ms) - LINGER_MS, 0), MAX_LEAD_MS)
        for last in range(first, len(tokens)):
            width += 1 + len(texts[last])
            end_ms = max(end_ms, tokens[last].end_ms)
            if last > first:
                if width > MAX_CUE_CHARACTERS + 1 or end_ms - tokens[first].start_ms > MAX_CUE_MS:
                    break
                pause_cost += _pause_cost(pauses[last])
            stop = last + 1
            lines_cost = 0.0
            if width > MAX_LINE_CHARACTERS:
                lines = layout(texts[first:stop], breaks[first:stop], label_width)
                if lines is None:
                    continue
                lines_cost = lines[0]
            after_ms = max(tokens[stop].start_ms - end_ms, 0) if stop < len(tokens) else MAX_CUE_MS
            cost = costs[first] + pause_cost + breaks[stop] + _LAYOUT_WEIGHT * lines_cost
            cost += _time_cost(width, end_ms - tokens[first].start_ms, before_ms + after_ms)
            cost += _CUE + _ONE_WORD * (stop == first + 1)
            if cost < costs[stop]:
                costs[stop], cut_before[stop] = cost, first
    pieces: list[Sequence[Token]] = []
    stop = len(tokens)
    while stop:
        pieces.append(tokens[cut_before[stop] : stop])
        stop = cut_before[stop]
    return pieces[::-1]


def _pauses(tokens: Sequence[Token]) -> list[int]:
    """Pause before every token in milliseconds; none before the first one, and where they overlap."""
    ends = accumulate((token.end_ms for token in tokens), max)
    return [0, *(max(token.start_ms - end, 0) for token, end in zip(tokens[1:], ends, strict=False))]


def _breaks(tokens: Sequence[Token]) -> list[float]:
    """Cost of a break before every token; that of the first one is not used."""
    costs = [
        break_cost(before.text, after.text, pause)
        for (before, after), pause in zip(pairwise(tokens), _pauses(tokens)[1:], strict=True)
    ]
    return [0.0, *costs]


def _pause_cost(pause_ms: int) -> float:
    return _LONG_PAUSE * pause_ms / LONG_PAUSE_MS if pause_ms >= LONG_PAUSE_MS else pause_ms / LONG_PAUSE_MS


def _time_cost(width: int, spoken_ms: int, silence_ms: int) -> float:
    """Cost of a cue that cannot be shown for as long as it should, in the silence before and after it."""
    needed = max(MIN_CUE_MS, width * MS_PER_CHARACTER)
    shown = max(spoken_ms, min(needed, spoken_ms + silence_ms), 1)
    missing_s = max(MIN_CUE_MS - shown, 0) / 1000
    fast = max(width * 1000 / shown - 1000 / MS_PER_CHARACTER, 0)
    return _PER_MISSING_S * missing_s + _PER_FAST_CHARACTER * min(fast, 20)


def _set_spoken_times(drafts: Sequence[_Draft]) -> None:
    """Times of the speech, cut where words of one channel overlap or one of them is longer than a cue may be."""
    spoken_until: dict[int, int] = {}
    for draft in drafts:
        start = max(draft.tokens[0].start_ms, spoken_until.get(draft.channel, 0))
        end = max(token.end_ms for token in draft.tokens)
        if draft.next_ms is not None:
            end = min(end, draft.next_ms)
        draft.start_ms, draft.end_ms = max(start, end - MAX_CUE_MS), max(end, start + 1)
        spoken_until[draft.channel] = draft.end_ms


def _set_shown_times(drafts: Sequence[_Draft], duration_ms: int, label_width: int) -> None:
    """Show every cue for as long as it should be, where there is silence.

    It first lasts longer, up to the next cue of any channel or the end of the recording. If it is still too short, it
    begins earlier, up to the cue before.
    """
    starts = sorted(draft.start_ms for draft in drafts)
    shown_until: dict[int, int] = {}
    for draft in drafts:
        start, end = draft.start_ms, draft.end_ms
        width = label_width + sum(len(token.text) + 1 for token in draft.tokens) - 1
        needed = min(max(MIN_CUE_MS, width * MS_PER_CHARACTER), MAX_CUE_MS)
        place = bisect_left(starts, end)
        limit = starts[place] if place < len(starts) else max(duration_ms, end)
        end = min(max(start + needed, min(end + LINGER_MS, start + MAX_CUE_MS)), limit)
        if end - start < needed:
            before = max((until for until in shown_until.values() if until <= start), default=0)
            start = max(end - needed, start - MAX_LEAD_MS, before)
        draft.start_ms, draft.end_ms = start, end
        shown_until[draft.channel] = end


def _finished(draft: _Draft, label_width: int, word_stamps: bool) -> Cue:
    stamps: list[int | None] = [None]
    last = max(draft.start_ms, draft.tokens[0].start_ms)
    for token in draft.tokens[1:]:
        is_inside = last < token.start_ms < draft.end_ms
        stamps.append(token.start_ms if is_inside else None)
        last = max(last, token.start_ms)
    texts = [token.text for token in draft.tokens]
    stamped = [stamp is not None for stamp in stamps] if word_stamps else None
    lines = layout(texts, _breaks(draft.tokens), label_width, stamped)
    first = lines[1] if lines is not None else len(texts)
    parts = [slice(0, first), slice(first, None)][: 1 + (first < len(texts))]
    return Cue(
        draft.start_ms,
        draft.end_ms,
        draft.channel,
        tuple(tuple(draft.tokens[part]) for part in parts),
        tuple(tuple(stamps[part]) for part in parts),
    )

"""Forced alignment: when each character of a known text is spoken, in a recording of any length."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .ctc_output_bigru_ctc import CTCSymbols, FrameArray, IntArray, as_array

try:
    from hf_bigru_asr.native.alignment import forced_path
    from hf_bigru_asr.native.library import is_available
except ImportError:  # as remote code, without the package

    def is_available() -> bool:
        """Whether the compiled part of the package is there."""
        return False


__all__ = [
    "CharacterSpan",
    "FrameSpan",
    "MarkedCharacter",
    "align_log_probs",
    "best_path",
    "encode_text",
    "label_spans",
]

# A Viterbi search keeps a table of frames times states, two bytes a cell. Up to this many cells one search does all
# the work; beyond, each one does the part between two milestones.
_MAX_CELLS = 1 << 24
_MILESTONE_FRAMES = 2048
_TRIM_FRAMES = 16
# Widths in nats of the beam that finds a first path, tried in turn; see `_milestones`.
_FIRST_BEAMS = (200.0, 3200.0, math.inf)
_MAX_COST = 1e4
_UNREACHABLE = np.float32(np.inf)


@dataclass(frozen=True, slots=True)
class CharacterSpan:
    """One character and its time.

    Args:
        char: The character; a space between words.
        start_s: Where it begins, in seconds.
        end_s: Where it ends.
        score: Highest probability that the network gives it there.
    """

    char: str
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True, slots=True)
class MarkedCharacter(CharacterSpan):
    """One character and the frames in which the network marks it.

    Args:
        char: As in [`CharacterSpan`], like the times and the score.
        relative_score: Its score over the probability of the best class of that frame: 1 where the character is it.
    """

    relative_score: float


class FrameSpan(NamedTuple):
    """The frames that emit one label of a path.

    Args:
        start: The first one.
        end: The first one after them.
    """

    start: int
    end: int


def align_log_probs(
    log_probs: Any,  # noqa: ANN401 - an array, or a torch.Tensor, which cannot be named without torch
    text: str,
    tokenizer: Any,  # noqa: ANN401 - the same of a tokenizer
    frame_s: float,
) -> list[MarkedCharacter]:
    """Times of the characters of a text on the most probable path that spells it.

    The frames are those that emit the character, often a single one: the network marks where a sound is and not how
    long it lasts. [`Aligner`] derives the times of words from them.

    Args:
        log_probs: `(frames, classes)`, the `logits` of one utterance without its padding.
        text: The reference, over the alphabet of the tokenizer.
        tokenizer: Gives the classes of the characters: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
        frame_s: Seconds per frame.

    Returns:
        A span for every character of `text`.

    Raises:
        ValueError: As [`encode_text`].
    """
    if not text:
        return []
    symbols = CTCSymbols.of(tokenizer)
    frames = as_array(log_probs)
    path = best_path(frames, encode_text(text, symbols, len(frames), frame_s), symbols.blank)
    scores = np.exp(frames[np.arange(len(path)), path]).tolist()
    best_scores = np.exp(frames.max(-1)).tolist()
    characters = []
    for char, (start, end) in zip(text, label_spans(path, symbols.blank), strict=True):
        frame = start if end == start + 1 else max(range(start, end), key=scores.__getitem__)
        score = scores[frame]
        characters.append(MarkedCharacter(char, start * frame_s, end * frame_s, score, score / best_scores[frame]))
    return characters


def encode_text(text: str, tokenizer: Any, num_frames: int, frame_s: float) -> IntArray:  # noqa: ANN401 - as above
    """Classes `(labels,)` of a text that is to be aligned with `num_frames` frames of `frame_s` seconds each.

    Raises:
        ValueError: If the text has characters outside the alphabet or needs more frames than there are.
    """
    ids = np.array(CTCSymbols.of(tokenizer).encode(text), dtype=np.int64)
    needed = len(ids) + int((ids[1:] == ids[:-1]).sum())
    if needed > num_frames:
        raise ValueError(
            f"The text {text[:60]!r} needs {needed} frames, one per character and one between equal neighbours, but "
            f"there are {num_frames}, {num_frames * frame_s:.2f} s. Check that text and audio belong together."
        )
    return ids


def label_spans(path: IntArray, blank: int) -> list[FrameSpan]:
    """Frames of every label of a path `(frames,)`, in order; blanks have none."""
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(starts[1:], len(path))
    is_label = path[starts] != blank
    return [FrameSpan(*span) for span in zip(starts[is_label].tolist(), ends[is_label].tolist(), strict=True)]


def best_path(log_probs: FrameArray, ids: IntArray, blank: int) -> IntArray:
    """Class of every frame on the most probable path that CTC collapses to `ids`.

    A short recording is aligned by one Viterbi search. For a long one its table would not fit into memory: a first
    pass finds the state of the best path at every 2,048th frame, and a search fills in the path between each two of
    them. The result is that of one search.

    Args:
        log_probs: `(frames, classes)`.
        ids: `(labels,)`, at least one, without blanks; the frames must be enough for them.
        blank: Class of the blank.

    Returns:
        `(frames,)`.

    Source: `torchaudio.functional.forced_align` 2.11, whose path it is where one path is better than all others.
    """
    if len(log_probs) * (2 * len(ids) + 1) <= _MAX_CELLS:
        return _forced_path(log_probs, ids, blank)
    # What each class costs more than the best one: small numbers, so that long sums of them keep their precision.
    costs = np.minimum(log_probs.max(-1, keepdims=True) - log_probs, np.float32(_MAX_COST))
    path = np.empty(len(costs), dtype=np.int64)
    begin, first = 0, None
    for end, last in _milestones(costs, ids, blank):
        emissions = -costs[begin : end + 1]
        for frame, state in ((0, first), (-1, last)):
            if state is not None:
                only = int(ids[state // 2]) if state % 2 else blank
                value = emissions[frame, only]
                emissions[frame] = -np.inf
                emissions[frame, only] = value
        path[begin : end + 1] = _forced_path(emissions, ids[(first or 0) // 2 : (last + 1) // 2], blank)
        begin, first = end, last
    return path


def _forced_path(emissions: FrameArray, ids: IntArray, blank: int) -> IntArray:
    """As [`best_path`], by one search; with no label all frames are blank.

    State `2 * i` is the blank before label `i`, `2 * i + 1` is label `i`.
    """
    if len(ids) == 0:
        return np.full(len(emissions), blank, dtype=np.int64)
    if is_available():
        return forced_path(emissions, ids, blank)
    return _path_of_arrays(emissions, ids, blank)


def _path_of_arrays(emissions: FrameArray, ids: IntArray, blank: int) -> IntArray:
    """As [`_forced_path`], in NumPy."""
    num_frames, num_states = len(emissions), 2 * len(ids) + 1
    classes = np.full(num_states, blank, dtype=np.int64)
    classes[1::2] = ids
    skip = np.full(num_states, -np.inf, dtype=np.float32)  # what it adds to leave out the blank before a label
    skip[3::2][ids[1:] != ids[:-1]] = 0.0
    # Score of the best path that ends in each state; two states that no path is in come first.
    scores = np.full(num_states + 2, -np.inf, dtype=np.float32)
    scores[2:4] = emissions[0, classes[:2]]
    # Whether that path was in the state before, or in the one before that.
    is_left, is_skipped = np.zeros((2, num_frames, num_states), dtype=np.bool_)
    for row, left, skipped in zip(emissions[1:], is_left[1:], is_skipped[1:], strict=True):
        two_before, before, same = scores[:-2] + skip, scores[1:-1], scores[2:]
        np.greater(before, same, out=left)
        best = np.maximum(before, same)
        np.greater(two_before, best, out=skipped)
        np.maximum(best, two_before, out=best)
        np.add(best, row[classes], out=scores[2:])
    state = num_states - 1 if scores[-1] > scores[-2] else num_states - 2
    states = np.empty(num_frames, dtype=np.int64)
    for frame in range(num_frames - 1, 0, -1):
        states[frame] = state
        state -= 2 if is_skipped[frame, state] else int(is_left[frame, state])
    states[0] = state
    return classes[states]


def _milestones(costs: npt.NDArray[np.float32], ids: npt.NDArray[np.int64], blank: int) -> list[tuple[int, int]]:
    """Frames and states of the cheapest path: every 2,048th frame and the last one.

    State `2 * i` is the blank before label `i`, `2 * i + 1` is label `i`.

    The cost of a path only grows, so a path that exceeds the final cost of a known one can be dropped on the way. A
    first search with a beam, which may miss the cheapest path, finds a cost. The second search drops only what exceeds
    that cost, and therefore finds the cheapest path.
    """
    for beam in _FIRST_BEAMS:
        cost, milestones = _search(costs, ids, blank, math.inf, beam)
        if math.isfinite(cost):
            break
    if math.isfinite(beam):
        _, milestones = _search(costs, ids, blank, 1.0 + 1.0001 * cost, math.inf)
    return milestones


def _search(
    costs: npt.NDArray[np.float32], ids: npt.NDArray[np.int64], blank: int, limit: float, beam: float
) -> tuple[float, list[tuple[int, int]]]:
    """Viterbi search that keeps the costs of one frame only, and the state of each path at the milestones.

    Args:
        costs: `(frames, classes)`, none below 0.
        ids: `(labels,)`.
        blank: Class of the blank.
        limit: Paths that cost more are dropped.
        beam: Paths that cost so much more than the cheapest one at the same frame are dropped.

    Returns:
        The cost of the path that was found, infinite if none was, and its frames and states at the milestones.
    """
    # Column i + 1 has the blank before label i in row 0 and label i in row 1. No path is in column 0, or in a label of
    # the last column, or outside columns `low` to `high - 1`.
    classes = np.concatenate([[blank], ids, [blank]])
    is_repeat = np.concatenate([[False], classes[1:] == classes[:-1]])  # needs a blank between it and its neighbour
    old, new = np.full((2, 2, len(classes)), _UNREACHABLE)
    old_origin, new_origin = np.zeros((2, 2, len(classes)), dtype=np.int32)
    old[0, 1] = 0.0
    low, high, offset = 1, 2, 0.0
    trail: list[tuple[int, int, npt.NDArray[np.int32]]] = []
    for frame, row in enumerate(costs, 1):
        high = min(high + 1, len(classes))
        here, before = slice(low, high), slice(low - 1, high - 1)
        (blanks, labels), last_labels = old[:, here], old[1, before]
        (blank_origins, label_origins), last_origins = old_origin[:, here], old_origin[1, before]
        is_left = last_labels < blanks
        new[0, here] = np.where(is_left, last_labels, blanks) + row[blank]
        new_origin[0, here] = np.where(is_left, last_origins, blank_origins)
        is_entered = blanks < labels
        cheapest = np.where(is_entered, blanks, labels)
        is_skipped = (last_labels < cheapest) & ~is_repeat[here]
        new[1, here] = np.where(is_skipped, last_labels, cheapest) + row[classes[here]]
        new_origin[1, here] = np.where(is_skipped, last_origins, np.where(is_entered, blank_origins, label_origins))
        new[1, -1] = _UNREACHABLE
        old, new, old_origin, new_origin = new, old, new_origin, old_origin
        if frame % _TRIM_FRAMES == 0:
            cheapest = old[:, here].min(0)
            least = float(cheapest.min())
            kept = np.flatnonzero(cheapest <= min(limit - offset, least + beam))
            if len(kept) == 0:
                return math.inf, []
            for outside in (slice(low, low + kept[0]), slice(low + kept[-1] + 1, high)):
                old[:, outside] = new[:, outside] = _UNREACHABLE
            low, high = low + int(kept[0]), low + int(kept[-1]) + 1
            old[:, low:high] -= least
            offset += least
        if frame % _MILESTONE_FRAMES == 0 and frame < len(costs):
            trail.append((frame - 1, low, old_origin[:, low:high].copy()))
            old_origin[:, low:high] = 2 * np.arange(low - 1, high - 1) + [[0], [1]]
    ends = {2 * len(ids): (0, -1), 2 * len(ids) - 1: (1, -2)}
    state = min(ends, key=lambda state: old[ends[state]])
    cost = offset + float(old[ends[state]])
    if not math.isfinite(cost):
        return math.inf, []
    return cost, _traced_back(trail, (len(costs) - 1, state), int(old_origin[ends[state]]))


def _traced_back(
    trail: list[tuple[int, int, npt.NDArray[np.int32]]], last: tuple[int, int], origin: int
) -> list[tuple[int, int]]:
    """Frames and states of a path at the milestones, in order.

    Args:
        trail: For every milestone its frame, its first column and the origins `(2, columns)` of the paths there.
        last: Frame and state of the end of the path.
        origin: State of the path at the last milestone before.
    """
    milestones = [last]
    for frame, begin, origins in reversed(trail):
        milestones.append((frame, origin))
        origin = int(origins[origin % 2, origin // 2 + 1 - begin])
    return milestones[::-1]

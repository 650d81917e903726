"""Hypotheses for a recording of any length; beam search decodes it part by part, cut in pauses.

The memory of the search grows with the frames, and that of the alignment of its text with frames times characters.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np

from ..model.ctc_alignment_bigru_ctc import CharacterSpan
from ..model.ctc_output_bigru_ctc import CTCSymbols, FrameArray, as_array, word_boundary
from ..model.decoding_bigru_ctc import DecodedWord, Decoder, Hypothesis

__all__ = [
    "cut_in_parts",
    "cut_in_pauses",
    "decode_in_parts",
    "decode_part",
    "decode_pieces",
    "decode_recording",
    "decoded_parts",
    "join_parts",
]

MAX_PART_S = 60.0


def cut_in_pauses(
    pieces: Iterable[FrameArray], symbols: CTCSymbols, max_frames: int
) -> Iterator[tuple[int, FrameArray]]:
    """The parts of a recording with whole words in each, as soon as their ends are sure.

    A part ends in the middle of every pause of `pause_frames` between two letters. What is still too long is cut in
    the second half of the longest part that is allowed, in the middle of the longest run of blanks and spaces. Runs
    with a space come first. Without any run the cut is where blank or space is likeliest.

    Args:
        pieces: Log-probabilities `(frames, classes)`, in pieces of any lengths; where they end has no influence.
        symbols: Tells which classes are the blank and the space, and what is a pause.
        max_frames: Frames of the longest part.

    Yields:
        The first frame of each part, and its log-probabilities `(frames, classes)`.

    Raises:
        ValueError: If `max_frames` is below 2.
    """
    if max_frames < 2:
        raise ValueError(f"max_frames is {max_frames}; it must be at least 2.")
    cutter = _Cutter(symbols, max_frames)
    piece = None
    for piece in pieces:
        cutter.add(piece)
        yield from cutter.parts()
    yield from cutter.parts(is_end=True)
    if piece is not None and cutter.num_frames == 0:
        yield 0, piece


class _Cutter:
    """The frames of a recording that are in no part yet; see [`cut_in_pauses`].

    Attributes:
        num_frames: Those that have come.
    """

    def __init__(self, symbols: CTCSymbols, max_frames: int) -> None:
        self._symbols, self._max_frames = symbols, max_frames
        self._waiting: list[FrameArray] = []
        self._start = 0
        self.num_frames = 0
        self._last_letters: list[int] = []  # the position of the last one, if there has been one
        self._pauses: deque[int] = deque()  # the middles of those that have ended

    def add(self, frames: FrameArray) -> None:
        """Take in the next frames."""
        best, symbols = frames.argmax(-1), self._symbols
        found = np.flatnonzero((best != symbols.blank) & (best != symbols.delimiter)) + self.num_frames
        letters = [*self._last_letters, *found.tolist()]
        middles = (word_boundary(symbols.pause_frames, before + 1, after) for before, after in pairwise(letters))
        self._pauses += [middle for middle in middles if middle is not None]
        self._last_letters = letters[-1:]
        self._waiting.append(frames)
        self.num_frames += len(frames)

    def parts(self, *, is_end: bool = False) -> Iterator[tuple[int, FrameArray]]:
        """The parts whose ends are sure, or all if no frames follow."""
        while self._start < self.num_frames:
            stop = self._pauses[0] if self._pauses else self.num_frames if is_end else None
            if (self._least_stop() if stop is None else stop) - self._start > self._max_frames:
                yield self._taken(self._start + self._cut())
            elif stop is not None:
                if self._pauses:
                    self._pauses.popleft()
                yield self._taken(stop)
            else:
                return

    def _least_stop(self) -> int:
        """The first frame in which the next pause can have its middle, or the recording can end."""
        if self._symbols.pause_frames is None or not self._last_letters:
            return self.num_frames
        return (self._last_letters[0] + 1 + self.num_frames) // 2

    def _cut(self) -> int:
        """Where the waiting frames are cut, which are more than `max_frames`."""
        self._waiting = [_whole(self._waiting)]
        first, last = (self._max_frames + 1) // 2, self._max_frames
        frames = self._waiting[0][first : last + 1]
        blank, space = self._symbols.blank, self._symbols.delimiter
        best = frames.argmax(-1)
        quiet = (best == blank) | (best == space)
        edges = [*np.flatnonzero(np.diff(quiet, prepend=~quiet[:1])).tolist(), len(frames)]
        runs = [
            (bool((best[begin:end] == space).any()), end - begin, end)
            for begin, end in pairwise(edges)
            if quiet[begin]
        ]
        if not runs:
            return first + int(frames[:, [blank, space]].max(-1).argmax())
        _, count, end = max(runs)
        return first + end - (count + 1) // 2

    def _taken(self, stop: int) -> tuple[int, FrameArray]:
        frames, start = _whole(self._waiting), self._start
        self._waiting, self._start = [frames[stop - start :]], stop
        return start, frames[: stop - start]


def _whole(pieces: list[FrameArray]) -> FrameArray:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def cut_in_parts(
    pieces: Iterable[FrameArray], symbols: CTCSymbols, frame_s: float, *, max_part_s: float | None = None
) -> Iterator[tuple[float, FrameArray]]:
    """The parts of a recording that a beam search decodes, each on its own.

    A part ends in every pause of `pause_frames` of the tokenizer, and in shorter ones where it would become too long.
    The language model begins anew with every part.

    Args:
        pieces: Log-probabilities `(frames, classes)`, in pieces of any lengths.
        symbols: Tells which classes are the blank and the space.
        frame_s: Seconds per frame.
        max_part_s: Length of the longest part; `MAX_PART_S` if `None`.

    Yields:
        The first second of each part, and its log-probabilities `(frames, classes)`.
    """
    max_frames = max(round((MAX_PART_S if max_part_s is None else max_part_s) / frame_s), 2)
    for start, part in cut_in_pauses(pieces, symbols, max_frames):
        yield start * frame_s, part


def decode_part(decoder: Decoder, log_probs: FrameArray) -> list[Hypothesis]:
    """Hypotheses for one part of a recording, or for a recording that is decoded as a whole.

    All hypotheses of the decoders, here and in worker processes, come from here.

    Args:
        decoder: See [`Decoder`].
        log_probs: `(frames, classes)` of the part.
    """
    return decoder(log_probs[None])[0]


def decode_in_parts(
    decoder: Decoder,
    log_probs: Any,  # noqa: ANN401 - see `Decoder`
    tokenizer: Any,  # noqa: ANN401 - the same
    frame_s: float,
    *,
    nbest: int = 1,
    max_part_s: float | None = None,
) -> list[Hypothesis]:
    """Hypotheses for a recording by beam search; see [`cut_in_parts`].

    Args:
        decoder: See [`Decoder`].
        log_probs: `(frames, classes)` of the whole recording, as an array or a torch tensor.
        tokenizer: Tells which classes are the blank and the space: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
        frame_s: Seconds per frame.
        nbest: Hypotheses that are returned.
        max_part_s: Length of the longest part; `MAX_PART_S` if `None`.

    Returns:
        See [`join_parts`].
    """
    parts = cut_in_parts([as_array(log_probs)], CTCSymbols.of(tokenizer), frame_s, max_part_s=max_part_s)
    return join_parts(((start_s, decode_part(decoder, part)) for start_s, part in parts), nbest)


def decode_recording(
    decoder: Decoder,
    log_probs: Any,  # noqa: ANN401 - see `Decoder`
    tokenizer: Any,  # noqa: ANN401 - the same
    frame_s: float,
) -> list[Hypothesis]:
    """Hypotheses for a recording of any length: greedy ones of the whole, those of a beam search in parts.

    Args:
        decoder: See [`Decoder`]; one with `settings` is a beam search.
        log_probs: `(frames, classes)` of the whole recording, as an array or a torch tensor.
        tokenizer: Tells which classes are the blank and the space: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
        frame_s: Seconds per frame.

    Raises:
        ValueError: If `log_probs` does not have the classes of `decoder`.
    """
    return decode_pieces(decoder, [as_array(log_probs)], CTCSymbols.of(tokenizer), frame_s)


def decode_pieces(
    decoder: Decoder, pieces: Iterable[FrameArray], symbols: CTCSymbols, frame_s: float, num_threads: int = 1
) -> list[Hypothesis]:
    """Hypotheses for a recording whose log-probabilities come in pieces, as [`decode_recording`] gives them.

    A beam search decodes each part when its end is sure, and keeps nothing but the hypotheses.

    Args:
        decoder: See [`Decoder`]; one with `settings` is a beam search.
        pieces: Log-probabilities `(frames, classes)`, in pieces of any lengths.
        symbols: Tells which classes are the blank and the space.
        frame_s: Seconds per frame.
        num_threads: Parts that are decoded at once, see [`decoded_parts`].

    Raises:
        ValueError: If the log-probabilities do not have the classes of `decoder`.
    """
    settings = getattr(decoder, "settings", None)
    parts = decoded_parts(decoder, pieces, symbols, frame_s, num_threads)
    return next(parts)[1] if settings is None else join_parts(parts, settings.nbest)


def decoded_parts(
    decoder: Decoder, pieces: Iterable[FrameArray], symbols: CTCSymbols, frame_s: float, num_threads: int = 1
) -> Iterator[tuple[float, list[Hypothesis]]]:
    """Hypotheses for the parts of a recording, as soon as they are sure.

    Args:
        decoder: See [`Decoder`]; without `settings` it decodes greedily, and the recording is one part.
        pieces: As in [`decode_pieces`].
        symbols: As in [`decode_pieces`].
        frame_s: Seconds per frame.
        num_threads: Parts that are decoded at once, beside what makes the pieces, where the decoder lets other threads
            run.

    Yields:
        The first second of each part, and its hypotheses, whose times count from there.
    """
    if getattr(decoder, "settings", None) is None:
        yield 0.0, decode_part(decoder, _whole(list(pieces)))
        return
    parts = cut_in_parts(pieces, symbols, frame_s)
    if num_threads > 1 and getattr(decoder, "shares_time", False):
        yield from _decoded_in_threads(decoder, parts, num_threads)
        return
    for start_s, part in parts:
        yield start_s, decode_part(decoder, part)


def _decoded_in_threads(
    decoder: Decoder, parts: Iterable[tuple[float, FrameArray]], num_threads: int
) -> Iterator[tuple[float, list[Hypothesis]]]:
    """Parts in order; few are kept."""
    waiting: deque[tuple[float, Future[list[Hypothesis]]]] = deque()
    with ThreadPoolExecutor(num_threads) as threads:
        try:
            for start_s, part in parts:
                waiting.append((start_s, threads.submit(decode_part, decoder, part)))
                while waiting and (waiting[0][1].done() or len(waiting) > 2 * num_threads):
                    first_s, future = waiting.popleft()
                    yield first_s, future.result()
            for start_s, future in waiting:
                yield start_s, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def join_parts(parts: Iterable[tuple[float, list[Hypothesis]]], nbest: int = 1) -> list[Hypothesis]:
    """Hypotheses for a recording, concatenated from those for its parts.

    Args:
        parts: The first second of each part, and its hypotheses, in order.
        nbest: Hypotheses that are returned.

    Returns:
        The `nbest` best ones of all combinations of hypotheses for the parts, the best one first.
    """
    joined = [Hypothesis("", 0.0, (), ())]
    for start_s, hypotheses in parts:
        shifted = [_shifted(hypothesis, start_s) for hypothesis in hypotheses]
        # A beginning that is not among the best cannot be part of the best hypotheses for the whole.
        joined = heapq.nlargest(
            nbest, (_joined(*pair) for pair in product(joined, shifted)), key=lambda hypothesis: hypothesis.score
        )
    return joined


def _shifted(hypothesis: Hypothesis, offset_s: float) -> Hypothesis:
    def later(span: CharacterSpan) -> CharacterSpan:
        return replace(span, start_s=span.start_s + offset_s, end_s=span.end_s + offset_s)

    # Words share the characters of the text: twice as many objects would be most of what a long recording leaves.
    characters = [later(span) for span in hypothesis.characters]
    known = dict(zip(map(id, hypothesis.characters), characters, strict=True))

    def moved(word: DecodedWord) -> DecodedWord:
        return replace(word, characters=tuple(known.get(id(span)) or later(span) for span in word.characters))

    return replace(hypothesis, characters=tuple(characters), words=tuple(map(moved, hypothesis.words)))


def _joined(left: Hypothesis, right: Hypothesis) -> Hypothesis:
    text = left.text + right.text
    between: tuple[CharacterSpan, ...] = ()
    if left.characters and right.characters:
        text = f"{left.text} {right.text}"
        # A part is cut in a pause, which is as sure as the decision to cut there.
        between = (CharacterSpan(" ", left.characters[-1].end_s, right.characters[0].start_s, 1.0),)
    characters = (*left.characters, *between, *right.characters)
    return Hypothesis(text, left.score + right.score, characters, (*left.words, *right.words))

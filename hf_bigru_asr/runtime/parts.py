"""Hypotheses for a recording of any length; beam search decodes it part by part, cut in pauses.

The memory of the search grows with the frames, and that of the alignment of its text with frames times characters.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

import numpy as np

from ..model.ctc_alignment_bigru_ctc import CharacterSpan
from ..model.ctc_output_bigru_ctc import CTCSymbols, FrameArray, as_array, word_boundary
from ..model.decoding_bigru_ctc import Decoder, Hypothesis

__all__ = ["Parts", "decode_in_parts", "decode_part", "decode_recording", "find_pauses", "find_word_boundaries"]

MAX_PART_S = 60.0


def find_pauses(log_probs: Any, tokenizer: Any, max_frames: int) -> list[int]:  # noqa: ANN401 - see `Decoder`
    """Frames at which a recording can be cut into parts with whole words in each.

    Each cut lies in the second half of the part that it ends, in the middle of the longest run of blanks and spaces.
    Runs with a space come first. Without any run the cut is where blank or space is likeliest.

    Args:
        log_probs: `(frames, classes)`, as an array or a torch tensor.
        tokenizer: Tells which classes are the blank and the space: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
        max_frames: Frames of the longest part.

    Returns:
        First frame of every part but the first; ascending.

    Raises:
        ValueError: If `max_frames` is below 2.
    """
    if max_frames < 2:
        raise ValueError(f"max_frames is {max_frames}; it must be at least 2.")
    symbols, frames = CTCSymbols.of(tokenizer), as_array(log_probs)
    blank, space = symbols.blank, symbols.delimiter
    best = frames.argmax(-1)
    quiet = (best == blank) | (best == space)
    cuts: list[int] = []
    start = 0
    while len(frames) - start > max_frames:
        first, last = start + (max_frames + 1) // 2, start + max_frames
        within = quiet[first : last + 1]
        begins = np.flatnonzero(np.diff(within, prepend=~within[:1])) + first
        runs = [
            (bool((best[begin:end] == space).any()), end - begin, end)
            for begin, end in pairwise([*begins.tolist(), last + 1])
            if quiet[begin]
        ]
        if runs:
            _, count, end = max(runs)
            start = end - (count + 1) // 2
        else:
            start = first + int(frames[first : last + 1, [blank, space]].max(-1).argmax())
        cuts.append(start)
    return cuts


def find_word_boundaries(log_probs: Any, tokenizer: Any) -> list[int]:  # noqa: ANN401 - see `Decoder`
    """Middle frames of the pauses between two letters; see `pause_frames` of the tokenizer.

    Args:
        log_probs: `(frames, classes)`, as an array or a torch tensor.
        tokenizer: Tells what is a pause: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].

    Returns:
        Ascending; empty if the tokenizer has no `pause_frames`.
    """
    symbols = CTCSymbols.of(tokenizer)
    if symbols.pause_frames is None:
        return []
    best = as_array(log_probs).argmax(-1)
    letters = np.flatnonzero((best != symbols.blank) & (best != symbols.delimiter)).tolist()
    middles = (word_boundary(symbols.pause_frames, before + 1, after) for before, after in pairwise(letters))
    return [middle for middle in middles if middle is not None]


@dataclass(frozen=True)
class Parts:
    """A recording in the parts that a beam search decodes, each on its own.

    A part ends in every pause of `pause_frames` of the tokenizer, and in shorter ones where it would become too long.
    The language model begins anew with every part.

    Args:
        starts_s: Where each part begins, in seconds.
        log_probs: `(frames, classes)` of each part.
    """

    starts_s: list[float]
    log_probs: list[FrameArray]

    @classmethod
    def of(
        cls,
        log_probs: Any,  # noqa: ANN401 - see `Decoder`
        tokenizer: Any,  # noqa: ANN401 - the same
        frame_s: float,
        *,
        max_part_s: float | None = None,
    ) -> "Parts":
        """Cut a recording in its pauses.

        Args:
            log_probs: `(frames, classes)` of the whole recording, as an array or a torch tensor.
            tokenizer: Tells which classes are the blank and the space: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
            frame_s: Seconds per frame.
            max_part_s: Length of the longest part; `MAX_PART_S` if `None`.
        """
        symbols, frames = CTCSymbols.of(tokenizer), as_array(log_probs)
        max_frames = max(round((MAX_PART_S if max_part_s is None else max_part_s) / frame_s), 2)
        edges = [0]
        for stop in (*find_word_boundaries(frames, symbols), len(frames)):
            piece = frames[edges[-1] : stop]
            edges += [edges[-1] + cut for cut in find_pauses(piece, symbols, max_frames)]
            edges.append(stop)
        return cls([start * frame_s for start in edges[:-1]], [frames[slice(*each)] for each in pairwise(edges)])

    def join(self, of_parts: Iterable[list[Hypothesis]], nbest: int = 1) -> list[Hypothesis]:
        """Hypotheses for the recording, concatenated from those for its parts.

        Args:
            of_parts: The hypotheses for every part, in order.
            nbest: Hypotheses that are returned.

        Returns:
            The `nbest` best ones of all combinations of hypotheses for the parts, the best one first.
        """
        joined = [Hypothesis("", 0.0, (), ())]
        for start_s, hypotheses in zip(self.starts_s, of_parts, strict=True):
            shifted = [_shifted(hypothesis, start_s) for hypothesis in hypotheses]
            # A beginning that is not among the best cannot be part of the best hypotheses for the whole.
            joined = heapq.nlargest(
                nbest, (_joined(*pair) for pair in product(joined, shifted)), key=lambda hypothesis: hypothesis.score
            )
        return joined


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
    """Hypotheses for a recording by beam search; see [`Parts`].

    Args:
        decoder: See [`Decoder`].
        log_probs: `(frames, classes)` of the whole recording, as an array or a torch tensor.
        tokenizer: Tells which classes are the blank and the space: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
        frame_s: Seconds per frame.
        nbest: Hypotheses that are returned.
        max_part_s: Length of the longest part; `MAX_PART_S` if `None`.

    Returns:
        See [`Parts.join`].
    """
    parts = Parts.of(log_probs, tokenizer, frame_s, max_part_s=max_part_s)
    return parts.join((decode_part(decoder, part) for part in parts.log_probs), nbest)


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
    settings = getattr(decoder, "settings", None)
    if settings is None:
        return decode_part(decoder, as_array(log_probs))
    return decode_in_parts(decoder, log_probs, tokenizer, frame_s, nbest=settings.nbest)


def _shifted(hypothesis: Hypothesis, offset_s: float) -> Hypothesis:
    def later(spans: Iterable[CharacterSpan]) -> tuple[CharacterSpan, ...]:
        return tuple(replace(span, start_s=span.start_s + offset_s, end_s=span.end_s + offset_s) for span in spans)

    words = tuple(replace(word, characters=later(word.characters)) for word in hypothesis.words)
    return replace(hypothesis, characters=later(hypothesis.characters), words=words)


def _joined(left: Hypothesis, right: Hypothesis) -> Hypothesis:
    text = left.text + right.text
    between: tuple[CharacterSpan, ...] = ()
    if left.characters and right.characters:
        text = f"{left.text} {right.text}"
        # A part is cut in a pause, which is as sure as the decision to cut there.
        between = (CharacterSpan(" ", left.characters[-1].end_s, right.characters[0].start_s, 1.0),)
    characters = (*left.characters, *between, *right.characters)
    return Hypothesis(text, left.score + right.score, characters, (*left.words, *right.words))

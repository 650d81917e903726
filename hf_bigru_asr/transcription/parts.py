"""Beam search on a recording of any length: part by part, cut in pauses.

The memory of the search grows with the frames, and that of the alignment of its text with frames times characters.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise, product

import torch

from ..model.ctc_alignment_bigru_ctc import CharacterSpan
from ..model.decoding_bigru_ctc import Decoder, Hypothesis
from ..model.tokenization_bigru_ctc import BiGRUCTCTokenizer, word_boundary

__all__ = ["Parts", "decode_in_parts", "find_pauses", "find_word_boundaries"]

MAX_PART_S = 60.0


def find_pauses(log_probs: torch.Tensor, tokenizer: BiGRUCTCTokenizer, max_frames: int) -> list[int]:
    """Frames at which a recording can be cut into parts with whole words in each.

    Each cut lies in the second half of the part that it ends, in the middle of the longest run of blanks and spaces.
    Runs with a space come first. Without any run the cut is where blank or space is likeliest.

    Args:
        log_probs: `(frames, classes)`.
        tokenizer: Tells which classes are the blank and the space.
        max_frames: Frames of the longest part.

    Returns:
        First frame of every part but the first; ascending.

    Raises:
        ValueError: If `max_frames` is below 2.
    """
    if max_frames < 2:
        raise ValueError(f"max_frames is {max_frames}; it must be at least 2.")
    blank, space = tokenizer.pad_token_id, tokenizer.encoder[tokenizer.word_delimiter_token]
    best = log_probs.argmax(-1)
    quiet = (best == blank) | (best == space)
    cuts: list[int] = []
    start = 0
    while len(log_probs) - start > max_frames:
        first, last = start + (max_frames + 1) // 2, start + max_frames
        flags, counts = torch.unique_consecutive(quiet[first : last + 1], return_counts=True)
        ends = (counts.cumsum(0) + first).tolist()
        runs = [
            (bool((best[end - count : end] == space).any()), count, end)
            for flag, count, end in zip(flags.tolist(), counts.tolist(), ends, strict=True)
            if flag
        ]
        if runs:
            _, count, end = max(runs)
            start = end - (count + 1) // 2
        else:
            start = first + int(log_probs[first : last + 1, [blank, space]].amax(-1).argmax())
        cuts.append(start)
    return cuts


def find_word_boundaries(log_probs: torch.Tensor, tokenizer: BiGRUCTCTokenizer) -> list[int]:
    """Middle frames of the pauses between two letters; see `pause_frames` of the tokenizer.

    Args:
        log_probs: `(frames, classes)`.
        tokenizer: Tells what is a pause.

    Returns:
        Ascending; empty if the tokenizer has no `pause_frames`.
    """
    delimiter = tokenizer.encoder[tokenizer.word_delimiter_token]
    best = log_probs.argmax(-1)
    letters = ((best != tokenizer.pad_token_id) & (best != delimiter)).nonzero()[:, 0].tolist()
    pause_frames = getattr(tokenizer, "pause_frames", None)  # tokenizers of earlier releases have none
    middles = (word_boundary(pause_frames, before + 1, after) for before, after in pairwise(letters))
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
    log_probs: list[torch.Tensor]

    @classmethod
    def of(
        cls,
        log_probs: torch.Tensor,
        tokenizer: BiGRUCTCTokenizer,
        frame_s: float,
        *,
        max_part_s: float | None = None,
    ) -> "Parts":
        """Cut a recording in its pauses.

        Args:
            log_probs: `(frames, classes)` of the whole recording.
            tokenizer: Tells which classes are the blank and the space.
            frame_s: Seconds per frame.
            max_part_s: Length of the longest part; `MAX_PART_S` if `None`.
        """
        max_frames = max(round((MAX_PART_S if max_part_s is None else max_part_s) / frame_s), 2)
        edges = [0]
        for stop in (*find_word_boundaries(log_probs, tokenizer), len(log_probs)):
            piece = log_probs[edges[-1] : stop]
            edges += [edges[-1] + cut for cut in find_pauses(piece, tokenizer, max_frames)]
            edges.append(stop)
        parts = log_probs.split([stop - start for start, stop in pairwise(edges)])
        return cls([start * frame_s for start in edges[:-1]], list(parts))

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


def decode_in_parts(
    decoder: Decoder,
    log_probs: torch.Tensor,
    tokenizer: BiGRUCTCTokenizer,
    frame_s: float,
    *,
    nbest: int = 1,
    max_part_s: float | None = None,
) -> list[Hypothesis]:
    """Hypotheses for a recording by beam search; see [`Parts`].

    Args:
        decoder: Gets all parts as one batch; see [`Decoder`].
        log_probs: `(frames, classes)` of the whole recording.
        tokenizer: Tells which classes are the blank and the space.
        frame_s: Seconds per frame.
        nbest: Hypotheses that are returned.
        max_part_s: Length of the longest part; `MAX_PART_S` if `None`.

    Returns:
        See [`Parts.join`].
    """
    parts = Parts.of(log_probs, tokenizer, frame_s, max_part_s=max_part_s)
    lengths = torch.tensor([len(part) for part in parts.log_probs])
    batch = torch.nn.utils.rnn.pad_sequence(parts.log_probs, batch_first=True)
    return parts.join(decoder(batch, lengths), nbest)


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

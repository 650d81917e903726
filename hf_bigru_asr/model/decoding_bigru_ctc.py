"""Hypotheses of a decoder, with times and confidences of words and characters, and the greedy decoder.

Beam search with a language model is in `beam_search_bigru_ctc`. Both decoders take log-probabilities
`(batch, frames, classes)` with their lengths, as arrays or tensors, and return the best hypotheses of every utterance.
Neither needs torch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

import numpy as np

from .confidence_bigru_ctc import ConfidenceModel, word_features
from .ctc_alignment_bigru_ctc import CharacterSpan, MarkedCharacter
from .ctc_output_bigru_ctc import CTCSymbols, FrameArray, as_array, kept_characters, spoken_part, word_boundary

__all__ = [
    "DecodedWord",
    "Decoder",
    "GreedyDecoder",
    "Hypothesis",
    "ScoredTokens",
    "hypothesis_of",
    "utterances_of",
    "words_of",
]

MAX_LETTER_GAP_S = 0.35
"""A longer gap between two letters of a word is a pause before the word, and the letters before it came early.

In 40 utterances of test-clean, each after a second of noise, no gap behind a second letter was longer than 0.29 s. Of
the first words a quarter had a gap of more than one second behind their first letter.
"""

ScoredTokens = tuple[Sequence[int], float]
"""Token ids of a hypothesis and its score, a logarithm."""


@dataclass(frozen=True)
class DecodedWord:
    """One word of a hypothesis.

    Args:
        characters: The characters with their times.
        confidence: Probability that the word is right, if the decoder has a [`ConfidenceModel`]. Otherwise the
            geometric mean of the network's probabilities of its characters, which is not calibrated.
        features: Features of the word that the confidence is computed from; see [`word_features`].
    """

    characters: tuple[CharacterSpan, ...] = field(repr=False)
    confidence: float
    features: tuple[float, ...] = field(repr=False)

    def __repr__(self) -> str:
        """The word with its times, but without those of its characters and without its features."""
        return (
            f"DecodedWord({self.text!r}, start_s={self.start_s:g}, end_s={self.end_s:g}, "
            f"confidence={self.confidence:g})"
        )

    @property
    def text(self) -> str:
        """Spelling of the word."""
        return "".join(span.char for span in self.characters)

    @property
    def start_s(self) -> float:
        """Where it is spoken from, in seconds; a first character that the network marks far before is left out."""
        return self._times_s[0]

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self._times_s[1]

    @property
    def _times_s(self) -> tuple[float, float]:
        return spoken_part([(span.start_s, span.end_s) for span in self.characters], MAX_LETTER_GAP_S)


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis of what is spoken in an utterance.

    Args:
        text: The transcript.
        score: Logarithm of the weight of the hypothesis; comparable within one utterance and one decoder.
        characters: Characters with times.
        words: Words with times and confidences.
    """

    text: str
    score: float
    characters: tuple[CharacterSpan, ...] = field(repr=False)
    words: tuple[DecodedWord, ...] = field(repr=False)


class Decoder(Protocol):
    """Interface of [`GreedyDecoder`] and [`BeamSearchDecoder`]."""

    confidence: ConfidenceModel | None
    """Turns the features of a word into a confidence."""

    def __call__(self, log_probs: Any, lengths: Any = None) -> list[list[Hypothesis]]:  # noqa: ANN401 - arrays or tensors
        """Hypotheses of every utterance, the best one first.

        Args:
            log_probs: `(batch, frames, classes)`, the `logits` of [`BiGRUForCTC`], as an array or a torch tensor.
            lengths: `(batch,)` valid frames; all if `None`.

        Raises:
            ValueError: If a shape or a length does not fit.
        """


class GreedyDecoder:
    """Takes the best class of every frame, collapses repeats and removes blanks. Threads can share it.

    Args:
        tokenizer: Gives the characters of the classes: a [`BiGRUCTCTokenizer`] or [`CTCSymbols`].
        frame_s: Seconds per frame: `inputs_to_logits_ratio / sampling_rate`.
        confidence: Turns the features of a word into a confidence; see [`DecodedWord`].
    """

    def __init__(
        self,
        tokenizer: Any,  # noqa: ANN401 - a tokenizer's class cannot be named without torch
        frame_s: float,
        confidence: ConfidenceModel | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.symbols = CTCSymbols.of(tokenizer)
        self.frame_s = frame_s
        self.confidence = confidence

    def __call__(self, log_probs: Any, lengths: Any = None) -> list[list[Hypothesis]]:  # noqa: ANN401 - see `Decoder`
        """One hypothesis of every utterance; see [`Decoder`]. Its score is the log-probability of the best path."""
        return [[self._decode(frames)] for frames in utterances_of(log_probs, lengths, len(self.symbols))]

    def _decode(self, values: FrameArray) -> Hypothesis:
        ids = values.argmax(-1)
        best = values.max(-1)
        # Runs of one class, and not frames: most frames are blanks, and Python is slow.
        starts = np.flatnonzero(np.diff(ids, prepend=-1))
        scores = np.exp(np.maximum.reduceat(best, starts)).tolist()
        bounds = [*starts.tolist(), len(ids)]
        spans: list[MarkedCharacter] = []
        before, last = " ", 0
        for run, start, end, score in zip(ids[starts].tolist(), bounds[:-1], bounds[1:], scores, strict=True):
            char = self.symbols.characters[run]
            if not char:
                continue
            middle = None if " " in (before, char) else word_boundary(self.symbols.pause_frames, last, start)
            if middle is not None:
                spans.append(self._marked(" ", middle, middle + 1, 1.0))
            spans.append(self._marked(char, start, end, score))
            before, last = char, end
        return hypothesis_of(spans, float(best.sum()), words_of(spans, self.confidence))

    def _marked(self, char: str, start: int, end: int, score: float) -> MarkedCharacter:
        """A character on the frames `[start, end)`."""
        return MarkedCharacter(char, start * self.frame_s, end * self.frame_s, score, 1.0)


def hypothesis_of(spans: Sequence[MarkedCharacter], score: float, words: Sequence[DecodedWord]) -> Hypothesis:
    """A hypothesis without spaces that separate nothing and words without a letter.

    Args:
        spans: Characters and spaces, as a network emits them.
        score: As in [`Hypothesis`].
        words: The words of `spans`.
    """
    kept = tuple(spans[place] for place in kept_characters([span.char for span in spans]))
    text = "".join(span.char for span in kept)
    return Hypothesis(text, score, kept, tuple(word for word in words if word.text.strip("'")))


def words_of(
    spans: Sequence[MarkedCharacter], confidence: ConfidenceModel | None, posteriors: Sequence[float] | None = None
) -> tuple[DecodedWord, ...]:
    """Group the characters of a hypothesis into words.

    Args:
        spans: Characters and spaces of the hypothesis.
        confidence: Turns the features of a word into a confidence; without one it is the geometric mean of the
            characters' probabilities.
        posteriors: Posterior of each word in a beam search; 1 if `None`.
    """
    groups = [tuple(group) for _, group in groupby(spans, key=lambda span: span.char == " ")]
    is_word = [group[0].char != " " for group in groups]
    given = iter(posteriors if posteriors is not None else [1.0] * sum(is_word))
    words = []
    for number, group in enumerate(groups):
        if is_word[number]:
            edges = [space for side in (number - 1, number + 1) if 0 <= side < len(groups) for space in groups[side]]
            features = word_features(group, edges, next(given))
            # The first feature is the logarithm of the geometric mean.
            words.append(DecodedWord(group, confidence(features) if confidence else math.exp(features[0]), features))
    return tuple(words)


def utterances_of(log_probs: Any, lengths: Any, num_classes: int) -> list[FrameArray]:  # noqa: ANN401 - see `Decoder`
    """Log-probabilities `(frames, classes)` of each utterance without its padding.

    Raises:
        ValueError: If a shape or a length does not fit.
    """
    values = as_array(log_probs)
    if values.ndim != 3 or values.shape[2] != num_classes:
        raise ValueError(f"log_probs has the shape {values.shape}; it must be (batch, frames, {num_classes}).")
    if lengths is None:
        return list(values)
    valid = np.asarray(lengths.tolist() if hasattr(lengths, "tolist") else lengths)
    if valid.shape != values.shape[:1] or bool(((valid < 0) | (valid > values.shape[1])).any()):
        raise ValueError(
            f"lengths are {valid.tolist()}; give one of 0 to {values.shape[1]} frames for each of the "
            f"{values.shape[0]} utterances."
        )
    return [row[:length] for row, length in zip(values, valid.tolist(), strict=True)]

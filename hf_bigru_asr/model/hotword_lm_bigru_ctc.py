"""KenLM's n-gram with hotwords, for the beam search of torchaudio; importing this module needs the extra `lm`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torchaudio.models.decoder import CTCDecoderLM, CTCDecoderLMState

from .hotwords_bigru_ctc import HotwordPhrases, Place

try:
    import kenlm
except ImportError as error:
    raise ImportError("The Python package kenlm is not installed.") from error

__all__ = ["HotwordLM"]

_END = -1
"""Stands for the end of a reading among the indices of words."""


class _Context(NamedTuple):
    """What the score of a reading's next word depends on."""

    history: Any
    """`kenlm.State`: the last words."""
    place: Place
    """Where it stands among the phrases."""


class HotwordLM(CTCDecoderLM):  # type: ignore[misc] # untyped
    """An n-gram whose probabilities hotwords raise.

    Every sequence of words has a state of its own, as with the decoder's plain n-gram: readings are merged only if
    they have the same words.

    Args:
        path: The n-gram, in a format that KenLM reads.
        words: The decoder's words, by index.
        phrases: The hotwords.
        lm_weight: Factor that the decoder applies to everything that this returns.
    """

    def __init__(self, path: str | Path, words: Sequence[str], phrases: HotwordPhrases, lm_weight: float) -> None:
        super().__init__()
        self._model = kenlm.Model(str(path))
        self._words = words
        self._phrases = phrases
        self._lm_weight = lm_weight
        self._contexts: dict[CTCDecoderLMState, _Context] = {}
        self._scores: dict[tuple[CTCDecoderLMState, int], tuple[CTCDecoderLMState, float]] = {}

    def start(self, start_with_nothing: bool) -> CTCDecoderLMState:
        """State of an empty reading; the readings before are forgotten."""
        history = kenlm.State()
        if start_with_nothing:
            self._model.NullContextWrite(history)
        else:
            self._model.BeginSentenceWrite(history)
        state = CTCDecoderLMState()
        self._contexts = {state: _Context(history, self._phrases.start)}
        self._scores = {}
        return state

    def score(self, state: CTCDecoderLMState, usr_token_idx: int) -> tuple[CTCDecoderLMState, float]:
        """State after a word, and the word's score: a logarithm to base 10, as KenLM's."""
        key = (state, usr_token_idx)
        if key not in self._scores:
            context, history = self._contexts[state], kenlm.State()
            if usr_token_idx == _END:
                log10 = self._model.BaseScore(context.history, "</s>", history)
                place, gain = self._phrases.start, self._phrases.finish(context.place)
            else:
                word = self._words[usr_token_idx]
                log10 = self._model.BaseScore(context.history, word, history)
                place, gain = self._phrases.advance(context.place, word)
            after = CTCDecoderLMState()
            self._contexts[after] = _Context(history, place)
            self._scores[key] = after, log10 + gain / self._lm_weight
        return self._scores[key]

    def finish(self, state: CTCDecoderLMState) -> tuple[CTCDecoderLMState, float]:
        """State and score of the end of a reading."""
        return self.score(state, _END)

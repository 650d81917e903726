"""KenLM's n-gram with hotwords, for flashlight's beam search; importing it needs flashlight-text and KenLM."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .hotwords_bigru_ctc import HotwordPhrases, PhraseState

try:
    import kenlm
    from flashlight.lib.text.decoder import LM, LMState
except ImportError:
    raise

__all__ = ["HotwordLM"]

_END = -1
"""Index that stands for the end of a hypothesis among the indices of words."""


class _Context(NamedTuple):
    """What the score of a hypothesis's next word depends on."""

    history: Any
    """`kenlm.State`: the last words of the n-gram."""
    phrase: PhraseState
    """Progress in the phrases."""


class HotwordLM(LM):  # type: ignore[misc] # untyped
    """An n-gram language model with a bonus for hotwords, for one search.

    Every sequence of words has its own state, as with the decoder's plain n-gram. So hypotheses are merged only if
    they have the same words.

    Args:
        model: `kenlm.Model`, which several of them can share.
        words: Words of the decoder, by index.
        phrases: The hotwords.
        lm_weight: Factor that the decoder applies to all scores from this class; bonuses are divided by it.
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401 - kenlm is untyped
        words: Sequence[str],
        phrases: HotwordPhrases,
        lm_weight: float,
    ) -> None:
        super().__init__()
        self._model = model
        self._words = words
        self._phrases = phrases
        self._lm_weight = lm_weight
        self._contexts: dict[LMState, _Context] = {}
        self._scores: dict[tuple[LMState, int], tuple[LMState, float]] = {}

    def start(self, start_with_nothing: bool) -> LMState:
        """Return the state of an empty hypothesis and forget all states before."""
        history = kenlm.State()
        if start_with_nothing:
            self._model.NullContextWrite(history)
        else:
            self._model.BeginSentenceWrite(history)
        state = LMState()
        self._contexts = {state: _Context(history, self._phrases.start)}
        self._scores = {}
        return state

    def score(self, state: LMState, usr_token_idx: int) -> tuple[LMState, float]:
        """Return the state after a word, and the word's score as a base-10 logarithm, like KenLM's."""
        key = (state, usr_token_idx)
        if key not in self._scores:
            context, history = self._contexts[state], kenlm.State()
            if usr_token_idx == _END:
                log10 = self._model.BaseScore(context.history, "</s>", history)
                phrase, gain = self._phrases.start, self._phrases.finish(context.phrase)
            else:
                word = self._words[usr_token_idx]
                log10 = self._model.BaseScore(context.history, word, history)
                phrase, gain = self._phrases.advance(context.phrase, word)
            after = LMState()
            self._contexts[after] = _Context(history, phrase)
            self._scores[key] = after, log10 + gain / self._lm_weight
        return self._scores[key]

    def finish(self, state: LMState) -> tuple[LMState, float]:
        """Return the state and the score of the end of a hypothesis."""
        return self.score(state, _END)

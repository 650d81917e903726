"""Beam search over the words of a lexicon by the compiled part of `hf_bigru_asr`, with hotwords."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .ctc_output_bigru_ctc import FrameArray
from .found_path_bigru_ctc import Check, FoundPath, no_check
from .hotwords_bigru_ctc import HotwordPhrases, PhraseState
from .language_model_bigru_ctc import LanguageModel
from .search_settings_bigru_ctc import BeamSearchSettings

try:
    from hf_bigru_asr.native.search import Phrases, Search
except ImportError:  # as remote code, without the package: `LanguageModel.compiled` is None then
    Phrases = Search = None  # type: ignore[assignment, misc]

__all__ = ["CompiledSearch"]


STEP_FRAMES = 50
"""Frames from one call of C to the next; in between the search can be ended."""


class CompiledSearch:
    """The search of flashlight's lexicon decoder, compiled. Threads can share it, and run at once.

    It finds the same hypotheses with the same scores, but for the last bits, and knows hotwords as [`ArraySearch`]
    does: every word that continues a phrase gets its bonus at once, see [`HotwordPhrases`].

    Args:
        language_model: The n-gram and the lexicon.
        phrases: Hotwords.
        settings: Weights and widths.
        num_found: Paths that it returns at most.

    Source: `LexiconDecoder.cpp` and `Utils.h` of flashlight-text 0.0.7.
    """

    def __init__(
        self,
        language_model: LanguageModel,
        phrases: HotwordPhrases,
        settings: BeamSearchSettings,
        num_found: int,
    ) -> None:
        compiled, symbols = language_model.compiled, language_model.symbols
        assert compiled is not None
        self._language_model = language_model  # so that a search with other hotwords finds it loaded
        self._ngram, self._lexicon, self._phrases = compiled.ngram, compiled.lexicon, None
        self._words = language_model.lexicon.words
        if phrases.words:
            lexicon = language_model.lexicon.with_words(phrases.words, symbols)
            number_of = language_model.number_of | {
                word: len(self._words) + place for place, word in enumerate(lexicon.words[len(self._words) :])
            }
            gains = {number_of[word]: phrases.advance(phrases.start, word)[1] for word in phrases.words}
            self._lexicon = compiled.tree_of(
                lexicon, {word: gain / settings.lm_weight for word, gain in gains.items()}
            )
            self._phrases = Phrases(**_automaton(phrases, number_of), num_words=len(lexicon.words))
            self._words = lexicon.words
        self._num_found = num_found
        self._settings = {
            "lm_weight": settings.lm_weight,
            "word_score": settings.word_score,
            "beam_threshold": settings.beam_threshold,
            "beam_size": settings.beam_size,
            "beam_size_token": min(settings.beam_size_token or len(symbols), len(symbols)),
            "log_add": settings.log_add,
            "blank": symbols.blank,
            "delimiter": symbols.delimiter,
        }

    def __call__(self, scores: FrameArray, check: Check = no_check) -> list[FoundPath]:
        """The best paths; see [`WordSearch`]."""
        search = Search(self._ngram, self._lexicon, self._phrases, self._settings)
        for first in range(0, len(scores), STEP_FRAMES):
            check()
            search.step(scores[first : first + STEP_FRAMES])
        weights, classes, labels = search.finish(self._num_found)
        words = self._words
        return [
            FoundPath([words[label] for label in of_path[of_path >= 0].tolist()], weight, path)
            for weight, path, of_path in zip(weights.tolist(), classes, labels, strict=True)
        ]


def _automaton(phrases: HotwordPhrases, number_of: Mapping[str, int]) -> dict[str, Any]:
    """The states of phrases as arrays, see [`Phrases`][hf_bigru_asr.native.search.Phrases]; the first is the start."""
    numbers: dict[PhraseState, int] = {phrases.start: 0}
    states = [phrases.start]

    def number(state: PhraseState) -> int:
        if state not in numbers:
            numbers[state] = len(states)
            states.append(state)
        return numbers[state]

    ends, arcs, failures, finish = [], [], [], []
    for state in states:  # more come while it goes on
        found = []
        for word in phrases.continuations(state):
            after, gain = phrases.advance(state, word)
            found.append((number_of[word], number(after), gain))
        arcs += sorted(found)
        ends.append(len(arcs))
        behind, gain = phrases.give_up(state)
        failures.append((number(behind), gain))
        finish.append(phrases.finish(state))
    words, nexts, gains = zip(*arcs, strict=True)
    behind_of, failure_gains = zip(*failures, strict=True)
    return {
        "ends": np.array(ends),
        "words": np.array(words),
        "nexts": np.array(nexts),
        "gains": np.array(gains),
        "failures": np.array(behind_of),
        "failure_gains": np.array(failure_gains),
        "finish_gains": np.array(finish),
    }

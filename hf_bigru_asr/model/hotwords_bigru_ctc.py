"""Hotwords: a bonus for expected words and phrases in beam search."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .ctc_output_bigru_ctc import CTCSymbols, upper_case

__all__ = ["DEFAULT_HOTWORD_WEIGHT", "HotwordPhrases", "PhraseState", "check_hotwords"]

DEFAULT_HOTWORD_WEIGHT = 9.5
"""Bonus per word of a phrase, in nats, added to the score of a hypothesis. Source: docs/language-model.md."""

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class PhraseState:
    """Progress of a hypothesis in the phrases.

    Args:
        matched: Words of a phrase matched so far.
        provisional: The last of these words, whose bonus is taken back if the phrase is not completed. Words of a
            shorter complete phrase before them keep theirs.
    """

    matched: Phrase = ()
    provisional: Phrase = ()


def check_hotwords(hotwords: Mapping[str, float]) -> None:
    """Refuse what is a hotword of no model.

    Raises:
        ValueError: If a phrase is empty or has a word of apostrophes alone, or a weight is not a finite number.
    """
    for phrase, weight in hotwords.items():
        if not phrase.split() or not all(word.strip("'") for word in phrase.split()):
            raise ValueError(f"A hotword is {phrase!r}; give words.")
        if not math.isfinite(weight):
            raise ValueError(f"The weight of the hotword {phrase!r} is {weight}; give a finite number.")


class HotwordPhrases:
    """The bonus of a sequence of words for the phrases in it.

    A word that continues a phrase gets the phrase's weight at once, so that the search keeps the hypothesis while the
    phrase is incomplete. The bonus is taken back if the phrase is not completed. Phrases are matched from left to
    right and do not overlap. Threads can share it: what a hypothesis has matched is in its [`PhraseState`].

    Args:
        hotwords: Phrases and their weights per word, in nats. Phrases are words of the characters of the model; where
            its tokenizer writes capitals, in any case.
        symbols: Those of the model.

    Attributes:
        complete: The words of every phrase, with its whole bonus.
        words: The words of all phrases.

    Raises:
        ValueError: If a phrase has other characters, or as [`check_hotwords`].
    """

    start = PhraseState()
    """State of an empty hypothesis."""

    def __init__(self, hotwords: Mapping[str, float], symbols: CTCSymbols) -> None:
        check_hotwords(hotwords)
        characters = [char for char in symbols.characters if char.strip()]
        complete: dict[Phrase, float] = {}
        for phrase, weight in hotwords.items():
            path = tuple((upper_case(phrase, characters) if symbols.do_upper_case else phrase).split())
            if set("".join(path)) - set(characters):
                raise ValueError(
                    f"A hotword is {phrase!r}; give words of the characters of the model, {''.join(characters)} "
                    "(hf_bigru_asr.text.normalize_transcript writes English so)."
                )
            complete[path] = weight * len(path)
        # A prefix has the largest bonus that a phrase with this prefix gives for as many words.
        self._bonus: dict[Phrase, float] = {(): 0.0}
        for path, bonus in complete.items():
            for length in range(1, len(path)):
                share = bonus * length / len(path)
                self._bonus[path[:length]] = max(self._bonus.get(path[:length], -math.inf), share)
        self._bonus |= complete
        self._following: dict[Phrase, list[str]] = {}
        for path in self._bonus:
            if path:
                self._following.setdefault(path[:-1], []).append(path[-1])
        self.complete: Mapping[Phrase, float] = complete
        self.words = frozenset(word for path in complete for word in path)

    def advance(self, state: PhraseState, word: str) -> tuple[PhraseState, float]:
        """Append a word to a hypothesis.

        Args:
            state: State of the hypothesis.
            word: Its next word.

        Returns:
            Its new state, and the change of its score in nats; negative where a bonus is taken back.
        """
        longer = (*state.matched, word)
        if longer in self._bonus:
            gain = self._bonus[longer] - self._bonus[state.matched]
            return PhraseState(longer, () if longer in self.complete else (*state.provisional, word)), gain
        return self._restart(state, word)

    def finish(self, state: PhraseState) -> float:
        """Return the change of the score at the end of a hypothesis, where incomplete phrases lose their bonus."""
        gain = 0.0
        while state.provisional:
            state, difference = self._restart(state)
            gain += difference
        return gain

    def continuations(self, state: PhraseState) -> list[str]:
        """Words that make more of a phrase of what is matched."""
        return self._following.get(state.matched, [])

    def give_up(self, state: PhraseState) -> tuple[PhraseState, float]:
        """State in which a word that continues nothing is matched again, and the change of the score on the way."""
        return self._restart(state) if state.matched else (state, 0.0)

    def _restart(self, state: PhraseState, *words: str) -> tuple[PhraseState, float]:
        """Take back the provisional bonus, drop the first word of the failed match and match the rest again.

        If a complete phrase precedes the provisional words, none of these is dropped.
        """
        kept = state.matched[: len(state.matched) - len(state.provisional)]
        gain = self._bonus[kept] - self._bonus[state.matched]
        again = (*state.provisional, *words)
        state = self.start
        for word in again if kept else again[1:]:
            state, difference = self.advance(state, word)
            gain += difference
        return state, gain

"""Hotwords: a bonus for expected words and phrases in beam search."""

import math
import string
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DEFAULT_HOTWORD_WEIGHT", "HotwordPhrases", "PhraseState"]

DEFAULT_HOTWORD_WEIGHT = 6.0
"""Bonus per word of a phrase, in nats, added to the score of a hypothesis. Source: docs/experiments.md."""

_CHARACTERS = frozenset(string.ascii_uppercase + "'")
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


class HotwordPhrases:
    """The bonus of a sequence of words for the phrases in it.

    A word that continues a phrase gets the phrase's weight at once, so that the search keeps the hypothesis while the
    phrase is incomplete. The bonus is taken back if the phrase is not completed. Phrases are matched from left to
    right and do not overlap. Threads can share it: what a hypothesis has matched is in its [`PhraseState`].

    Args:
        hotwords: Phrases and their weights per word, in nats. Phrases are words of letters and apostrophes, in any
            case.

    Attributes:
        complete: The words of every phrase, with its whole bonus.
        words: The words of all phrases.

    Raises:
        ValueError: If a phrase is empty or has other characters, or a weight is not a finite number.
    """

    start = PhraseState()
    """State of an empty hypothesis."""

    def __init__(self, hotwords: Mapping[str, float]) -> None:
        complete: dict[Phrase, float] = {}
        for phrase, weight in hotwords.items():
            path = tuple(phrase.upper().split())
            unknown = set("".join(path)) - _CHARACTERS
            if not path or unknown or not all(word.strip("'") for word in path):
                raise ValueError(
                    f"A hotword is {phrase!r}; give words of the letters A to Z and apostrophes "
                    "(hf_bigru_asr.text.normalize_transcript writes others so)."
                )
            if not math.isfinite(weight):
                raise ValueError(f"The weight of the hotword {phrase!r} is {weight}; give a finite number.")
            complete[path] = weight * len(path)
        # A prefix has the largest bonus that a phrase with this prefix gives for as many words.
        self._bonus: dict[Phrase, float] = {(): 0.0}
        for path, bonus in complete.items():
            for length in range(1, len(path)):
                share = bonus * length / len(path)
                self._bonus[path[:length]] = max(self._bonus.get(path[:length], -math.inf), share)
        self._bonus |= complete
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

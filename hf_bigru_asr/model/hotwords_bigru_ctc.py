"""Words and phrases that a user expects, made likelier in beam search."""

import math
import string
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DEFAULT_HOTWORD_WEIGHT", "HotwordPhrases", "Place"]

DEFAULT_HOTWORD_WEIGHT = 6.0
"""Added to a reading's score, in nats, for every word of a phrase; `EXPERIMENTS.md` says how it was chosen."""

_CHARACTERS = frozenset(string.ascii_uppercase + "'")
Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a reading stands among the phrases: what it has said of one, and what is only lent for that."""

    said: Phrase = ()
    lent: Phrase = ()


class HotwordPhrases:
    """What a sequence of words earns by the phrases in it.

    A word that continues a phrase earns the phrase's weight at once, so that the search does not lose the reading
    half-way, and gives it back if the phrase is not completed. Phrases are found from left to right and do
    not overlap.

    Args:
        hotwords: Phrases and their weights per word, in nats. Phrases are words of letters and apostrophes, in any
            case.

    Raises:
        ValueError: If a phrase is empty or has other characters, or a weight is not a finite number.
    """

    start = Place()
    """Where every reading begins."""

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
        # What is begun is worth what the best phrase that begins so gives for it.
        self._worth: dict[Phrase, float] = {(): 0.0}
        for path, worth in complete.items():
            for length in range(1, len(path)):
                share = worth * length / len(path)
                self._worth[path[:length]] = max(self._worth.get(path[:length], -math.inf), share)
        self._worth |= complete
        self._complete = frozenset(complete)
        self.words = frozenset(word for path in complete for word in path)

    def advance(self, place: Place, word: str) -> tuple[Place, float]:
        """Say a word.

        Args:
            place: Where the reading stands.
            word: Its next word.

        Returns:
            Where it stands then, and what it earns or gives back.
        """
        longer = (*place.said, word)
        if longer in self._worth:
            gain = self._worth[longer] - self._worth[place.said]
            return Place(longer, () if longer in self._complete else (*place.lent, word)), gain
        return self._start_over(place, word)

    def finish(self, place: Place) -> float:
        """What a reading gives back at its end for a phrase that it has not completed, less what is complete in it."""
        gain = 0.0
        while place.lent:
            place, difference = self._start_over(place)
            gain += difference
        return gain

    def _start_over(self, place: Place, *words: str) -> tuple[Place, float]:
        """Give back what is lent, and say the words for it again, but the first, and then others."""
        kept = place.said[: len(place.said) - len(place.lent)]
        gain = self._worth[kept] - self._worth[place.said]
        again = (*place.lent, *words)
        place = self.start
        for word in again if kept else again[1:]:
            place, difference = self.advance(place, word)
            gain += difference
        return place, gain

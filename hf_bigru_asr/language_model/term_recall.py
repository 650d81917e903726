"""How many of the words or phrases that matter are found, and how often one is found that was not said."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["TermRecall", "term_recall"]


@dataclass(frozen=True)
class TermRecall:
    """Counts of terms over some utterances.

    Args:
        num_said: Occurrences in the references.
        num_found: Of these, how many the texts have too.
        num_false_alarms: Occurrences in the texts that the references do not have.
        hours: Length of the recordings.
    """

    num_said: int
    num_found: int
    num_false_alarms: int
    hours: float

    @property
    def recall(self) -> float:
        """Share of the terms said that is found; not a number if none was said."""
        return self.num_found / self.num_said if self.num_said else float("nan")

    @property
    def false_alarms_per_hour(self) -> float:
        """False alarms in an hour of audio."""
        return self.num_false_alarms / self.hours

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self) | {
            "recall": self.recall if self.num_said else None,
            "false_alarms_per_hour": self.false_alarms_per_hour,
        }


def term_recall(references: Iterable[str], texts: Iterable[str], terms: Iterable[str], hours: float) -> TermRecall:
    """Count terms in references and texts, utterance by utterance.

    Args:
        references: What was said, normalised.
        texts: What was recognised.
        terms: Words or phrases, normalised; those that lie in each other are counted each for itself.
        hours: Length of the recordings.
    """
    paths = [term.split() for term in terms]
    said = found = false_alarms = 0
    for reference, text in zip(references, texts, strict=True):
        for path in paths:
            spoken, recognised = _occurrences(path, reference.split()), _occurrences(path, text.split())
            said += spoken
            found += min(spoken, recognised)
            false_alarms += max(recognised - spoken, 0)
    return TermRecall(said, found, false_alarms, hours)


def _occurrences(path: Sequence[str], words: Sequence[str]) -> int:
    """How often a phrase stands in a text, without overlaps."""
    count = place = 0
    while place + len(path) <= len(words):
        if words[place : place + len(path)] == path:
            count += 1
            place += len(path)
        else:
            place += 1
    return count

"""Recall and false alarms of given words or phrases."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["TermRecall", "term_recall"]


@dataclass(frozen=True)
class TermRecall:
    """Counts of terms over some utterances.

    Args:
        num_reference: Occurrences in the references.
        num_found: Those of them that the hypotheses have too.
        num_false_alarms: Occurrences in the hypotheses that the references do not have.
        hours: Length of the recordings.
    """

    num_reference: int
    num_found: int
    num_false_alarms: int
    hours: float

    @property
    def recall(self) -> float:
        """Share of the reference's terms that is found; not a number if there are none."""
        return self.num_found / self.num_reference if self.num_reference else float("nan")

    @property
    def false_alarms_per_hour(self) -> float:
        """False alarms in an hour of audio."""
        return self.num_false_alarms / self.hours

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return asdict(self) | {
            "recall": self.recall if self.num_reference else None,
            "false_alarms_per_hour": self.false_alarms_per_hour,
        }


def term_recall(
    references: Iterable[str], hypotheses: Iterable[str], terms: Iterable[str], hours: float
) -> TermRecall:
    """Count terms in references and hypotheses, utterance by utterance.

    Args:
        references: Normalised transcripts.
        hypotheses: Recognised texts, as many.
        terms: Words or phrases, normalised; a phrase inside another one counts for both.
        hours: Length of the recordings.
    """
    paths = [term.split() for term in terms]
    num_reference = num_found = num_false_alarms = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        for path in paths:
            expected, recognised = _occurrences(path, reference.split()), _occurrences(path, hypothesis.split())
            num_reference += expected
            num_found += min(expected, recognised)
            num_false_alarms += max(recognised - expected, 0)
    return TermRecall(num_reference, num_found, num_false_alarms, hours)


def _occurrences(path: Sequence[str], words: Sequence[str]) -> int:
    """Occurrences of a phrase in a text, without overlaps."""
    count = place = 0
    while place + len(path) <= len(words):
        if words[place : place + len(path)] == path:
            count += 1
            place += len(path)
        else:
            place += 1
    return count

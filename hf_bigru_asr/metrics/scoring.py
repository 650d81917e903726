"""The score of a whole file of hypotheses: error rates, and what the errors are."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rapidfuzz.distance import Levenshtein

from . import ErrorCounts, character_error_counts
from .score_files import UtterancePair
from .word_alignment import align_words

__all__ = ["Score", "ScoredUtterance", "score_pairs"]


@dataclass(frozen=True)
class ScoredUtterance:
    """An utterance with its alignment.

    Args:
        id: Its name.
        speaker: Who speaks, if known.
        words: Pairs of a word of the reference and one of the hypothesis; `None` where there is none.
    """

    id: str
    speaker: str | None
    words: tuple[tuple[str | None, str | None], ...]

    @cached_property
    def counts(self) -> ErrorCounts:
        """What the alignment counts."""
        kinds = Counter(
            "deletions"
            if hypothesis is None
            else "insertions"
            if reference is None
            else "hits"
            if reference == hypothesis
            else "substitutions"
            for reference, hypothesis in self.words
        )
        return ErrorCounts(**kinds)

    @property
    def reference(self) -> list[str]:
        """Words of the reference."""
        return [word for word, _ in self.words if word is not None]

    @property
    def hypothesis(self) -> list[str]:
        """Words of the hypothesis."""
        return [word for _, word in self.words if word is not None]


@dataclass(frozen=True)
class Score:
    """The score of a file.

    Args:
        utterances: In the order of the reference.
    """

    utterances: tuple[ScoredUtterance, ...]

    @cached_property
    def counts(self) -> ErrorCounts:
        """Words of all utterances."""
        return sum((each.counts for each in self.utterances), ErrorCounts())

    @property
    def num_wrong_utterances(self) -> int:
        """Utterances with at least one error."""
        return sum(each.counts.num_edits > 0 for each in self.utterances)

    @property
    def sentence_error_rate(self) -> float:
        """Share of the utterances with at least one error."""
        return self.num_wrong_utterances / len(self.utterances)

    @cached_property
    def fewest_errors(self) -> int:
        """The Levenshtein distance, which the errors of the alignments can exceed."""
        return sum(Levenshtein.distance(each.reference, each.hypothesis) for each in self.utterances)

    def characters(self) -> ErrorCounts:
        """Characters of all utterances, the space between two words among them."""
        references, hypotheses = (
            [" ".join(words) for words in texts]
            for texts in ([each.reference for each in self.utterances], [each.hypothesis for each in self.utterances])
        )
        return character_error_counts(references, hypotheses)

    def by_speaker(self) -> dict[str, "Score"]:
        """The score of each speaker, by name; nothing of utterances whose speaker is unknown."""
        speakers = sorted({each.speaker for each in self.utterances if each.speaker is not None})
        return {name: Score(tuple(each for each in self.utterances if each.speaker == name)) for name in speakers}

    def worst(self, number: int) -> list[ScoredUtterance]:
        """Utterances with the most errors, of those the shorter ones first; only such as have one."""
        wrong = [each for each in self.utterances if each.counts.num_edits]
        return sorted(wrong, key=lambda each: (-each.counts.num_edits, each.counts.num_reference))[:number]

    def confusions(self, number: int) -> list[tuple[str | None, str | None, int]]:
        """The most frequent errors: word of the reference, word of the hypothesis, how often.

        `None` is no word: a deletion or an insertion. Of the same number the first in the alphabet comes first.
        """
        found = Counter(pair for each in self.utterances for pair in each.words if pair[0] != pair[1])
        ordered = sorted(found.items(), key=lambda item: (-item[1], item[0][0] or "", item[0][1] or ""))
        return [(*pair, count) for pair, count in ordered[:number]]

    def as_dict(self) -> dict[str, Any]:
        """Rates and counts by name; rates are fractions.

        Raises:
            ValueError: If the references have no words at all.
        """
        return {
            "num_utterances": len(self.utterances),
            "num_wrong_utterances": self.num_wrong_utterances,
            "sentence_error_rate": self.sentence_error_rate,
            **self.counts.as_dict("wer", "num_words"),
            "fewest_errors": self.fewest_errors,
        }


def score_pairs(pairs: Iterable[UtterancePair], prepare: Callable[[str], str] = str.casefold) -> Score:
    """Align every hypothesis with its reference.

    Args:
        pairs: What is compared.
        prepare: Applied to both texts before they are split into words; the default ignores case, as sclite does.

    Raises:
        ValueError: If there is no utterance, or `prepare` refuses a text; the message names the utterance.

    Example:
        >>> score = score_pairs([UtterancePair("1", None, "The cat sat", "a cat sat down")])
        >>> score.counts
        ErrorCounts(hits=2, substitutions=1, deletions=0, insertions=1)
    """
    scored = []
    for pair in pairs:
        try:
            reference, hypothesis = prepare(pair.reference).split(), prepare(pair.hypothesis).split()
        except ValueError as error:
            raise ValueError(f"utterance {pair.id}: {error}") from error
        scored.append(ScoredUtterance(pair.id, pair.speaker, tuple(align_words(reference, hypothesis))))
    if not scored:
        raise ValueError("there is no utterance to score")
    return Score(tuple(scored))

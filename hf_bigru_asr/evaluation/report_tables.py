"""The tables of a report: counts by group, the most frequent errors, and what two runs get right."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import Levenshtein

from ..metrics import ErrorCounts
from ..metrics.scoring import Score
from .report_runs import Run

__all__ = [
    "ConfidenceBin",
    "Confusion",
    "Group",
    "WonWord",
    "confidence_bins",
    "error_tables",
    "group_tables",
    "won_words",
]

_LENGTHS_S = (0, 2, 5, 10, 15, 20, math.inf)
_LEVELS_DB = (-math.inf, -40, -35, -30, -25, -20, -15, math.inf)
_RATIOS_DB = (-math.inf, 10, 20, 30, 40, 50, math.inf)
NUM_CONFIDENCE_BINS = 10


@dataclass(frozen=True)
class Group:
    """Some of the utterances.

    Args:
        name: What they have in common.
        order: By which groups are sorted.
        num_utterances: How many they are.
        counts: Their words.
        other: Those of the other run, if there is one.
    """

    name: str
    order: float
    num_utterances: int
    counts: ErrorCounts
    other: ErrorCounts | None = None


@dataclass(frozen=True)
class Confusion:
    """A kind of error.

    Args:
        reference: Word or character of the reference; `None` for an insertion.
        hypothesis: That of the hypothesis; `None` for a deletion.
        count: How often it occurs.
    """

    reference: str | None
    hypothesis: str | None
    count: int


@dataclass(frozen=True)
class WonWord:
    """A word of the references that one run gets right where the other does not.

    Args:
        word: The word.
        count: How often.
        instead: What the other run has in its place, most frequent first; `None` is nothing.
    """

    word: str
    count: int
    instead: tuple[tuple[str | None, int], ...]


@dataclass(frozen=True)
class ConfidenceBin:
    """Words of similar confidence.

    Args:
        low: Lower end of the bin.
        high: Upper end.
        num_words: How many words there are.
        confidence: Their mean confidence.
        accuracy: Share of them that is right.
    """

    low: float
    high: float
    num_words: int
    confidence: float
    accuracy: float


def group_tables(run: Run, score: Score, other: Score | None) -> dict[str, list[Group]]:
    """Groups of utterances by speaker, length, level and signal-to-noise ratio; only where these are known.

    Args:
        run: The utterances.
        score: Their alignments, in the same order.
        other: Those of the other run, in the same order.
    """
    speakers = [each.speaker for each in run.utterances]
    names = sorted({each for each in speakers if each is not None}, key=_by_number)
    by_speaker = [
        (name, float(place), [row for row, each in enumerate(speakers) if each == name])
        for place, name in enumerate(names)
    ]
    kinds = {
        "speaker": by_speaker,
        "length": _binned([each.duration_s for each in run.utterances], _LENGTHS_S, "s"),
        "level": _binned([each.level_db for each in run.utterances], _LEVELS_DB, "dB"),
        "ratio": _binned([each.snr_db for each in run.utterances], _RATIOS_DB, "dB"),
    }
    return {
        kind: [
            Group(name, order, len(rows), _summed(score, rows), _summed(other, rows) if other is not None else None)
            for name, order, rows in groups
        ]
        for kind, groups in kinds.items()
    }


def _by_number(name: str) -> tuple[int, str]:
    """Order of speakers: numbers by their size, and names after them by the alphabet."""
    return (int(name), name) if name.isdecimal() and len(name) < 20 else (10**20, name)


def _summed(score: Score, rows: Iterable[int]) -> ErrorCounts:
    return sum((score.utterances[row].counts for row in rows), ErrorCounts())


def _binned(values: Sequence[float | None], edges: Sequence[float], unit: str) -> list[tuple[str, float, list[int]]]:
    """Bins that hold something: name, lower end, rows. Nothing if no value is known."""
    bins = []
    for low, high in pairwise(edges):
        rows = [row for row, value in enumerate(values) if value is not None and low <= value < high]
        if rows:
            bins.append((_range_name(low, high, unit), max(low, -1e3), rows))
    unknown = [row for row, value in enumerate(values) if value is None]
    return [*bins, ("unknown", math.inf, unknown)] if bins and unknown else bins


def _range_name(low: float, high: float, unit: str) -> str:
    def shown(edge: float) -> str:
        return f"{edge:g}".replace("-", "\N{MINUS SIGN}")

    if low == -math.inf:
        return f"below {shown(high)} {unit}"
    if high == math.inf:
        return f"{shown(low)} {unit} and more"
    return f"{shown(low)} to {shown(high)} {unit}"


def error_tables(score: Score, number: int) -> dict[str, list[Confusion]]:
    """The most frequent substitutions, deletions, insertions, and confused characters.

    Characters are those within words that were taken for each other, in their alignment with the fewest errors.

    Args:
        score: The alignments.
        number: Rows of each table.
    """
    words = Counter(pair for each in score.utterances for pair in each.words if pair[0] != pair[1])
    characters: Counter[tuple[str | None, str | None]] = Counter()
    tables: dict[str, Counter[tuple[str | None, str | None]]] = {
        name: Counter() for name in ("substitutions", "deletions", "insertions")
    }
    for pair, count in words.items():
        reference, hypothesis = pair
        if reference is None:
            tables["insertions"][pair] = count
        elif hypothesis is None:
            tables["deletions"][pair] = count
        else:
            tables["substitutions"][pair] = count
            for confused in _confused_characters(reference, hypothesis):
                characters[confused] += count
    tables["characters"] = characters
    return {
        name: [Confusion(*pair, count) for pair, count in sorted(table.items(), key=_most_frequent)[:number]]
        for name, table in tables.items()
    }


def _most_frequent(item: tuple[tuple[str | None, str | None], int]) -> tuple[int, str, str]:
    (reference, hypothesis), count = item
    return -count, reference or "", hypothesis or ""


def _confused_characters(reference: str, hypothesis: str) -> Iterable[tuple[str | None, str | None]]:
    for step in Levenshtein.editops(reference, hypothesis):
        yield (
            reference[step.src_pos] if step.tag != "insert" else None,
            hypothesis[step.dest_pos] if step.tag != "delete" else None,
        )


def won_words(score: Score, other: Score, number: int) -> list[WonWord]:
    """Words of the references that the first run gets right and the second wrong, the most frequent first.

    Args:
        score: Alignments of the first run.
        other: Those of the second, of the same references in the same order.
        number: Words to list.

    Raises:
        ValueError: If the references differ; the message names the utterance.
    """
    instead: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for mine, yours in zip(score.utterances, other.utterances, strict=True):
        if mine.reference != yours.reference:
            raise ValueError(
                f"the runs have different references for {mine.id}: {' '.join(mine.reference)!r} and "
                f"{' '.join(yours.reference)!r}; compare runs of the same data"
            )
        rows = ([pair for pair in each.words if pair[0] is not None] for each in (mine, yours))
        for (word, found), (_, other_found) in zip(*rows, strict=True):
            if word is not None and word == found != other_found:
                instead[word][other_found] += 1
    won = [
        WonWord(word, sum(found.values()), tuple(sorted(found.items(), key=lambda item: (-item[1], item[0] or ""))))
        for word, found in instead.items()
    ]
    return sorted(won, key=lambda each: (-each.count, each.word))[:number]


def confidence_bins(run: Run, score: Score) -> list[ConfidenceBin]:
    """Words of the hypotheses in ten bins by confidence, empty ones left out; nothing if no word has a confidence.

    Args:
        run: The utterances with their confidences.
        score: Their alignments, in the same order.
    """
    judged: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for utterance, scored in zip(run.utterances, score.utterances, strict=True):
        right = [word == found for word, found in scored.words if found is not None]
        if len(utterance.confidences) == len(right):
            for confidence, is_right in zip(utterance.confidences, right, strict=True):
                judged[min(int(confidence * NUM_CONFIDENCE_BINS), NUM_CONFIDENCE_BINS - 1)].append(
                    (confidence, is_right)
                )
    return [
        ConfidenceBin(
            place / NUM_CONFIDENCE_BINS,
            (place + 1) / NUM_CONFIDENCE_BINS,
            len(words),
            sum(confidence for confidence, _ in words) / len(words),
            sum(is_right for _, is_right in words) / len(words),
        )
        for place, words in sorted(judged.items())
    ]

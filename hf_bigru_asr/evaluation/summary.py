"""Figures of an evaluation, and the utterances it gets wrong."""

from collections.abc import Sequence
from typing import Any

import jiwer
import numpy as np

from ..language_model.confidence_fitting import confidence_figures, right_words
from ..metrics import ErrorCounts, character_error_counts, word_error_counts
from .evaluating import UtteranceResult

__all__ = ["comparison", "rates_by_group", "summarize"]


def summarize(results: Sequence[UtteranceResult]) -> dict[str, Any]:
    """Figures of an evaluation, JSON-serialisable; utterances with an error are counted and left out.

    Args:
        results: Everything that [`evaluate_utterances`] gave.

    Returns:
        `num_utterances`, `num_failed`, `hours`, `metrics` (fractions and counts; `oracle_wer` is that of the best
        choice among the decoder's hypotheses), `confidence` (see [`confidence_figures`]), `speed`
        (`real_time_factor`: seconds of audio per second; `time_per_utterance_s`: median and 95th percentile), and the
        word error rate `by_speaker` (lowest, median, highest; if speakers are known) and `by_duration_s` (of the
        utterances up to each length).

    Raises:
        ValueError: If no utterance could be used.
    """
    used = [result for result in results if result.error is None]
    if not used:
        raise ValueError("No utterance could be evaluated; see the errors of the single ones.")
    references = [result.reference for result in used]
    hypotheses = [result.hypothesis for result in used]
    words = word_error_counts(references, hypotheses)
    chars = character_error_counts(references, hypotheses)
    audio_s = sum(result.duration_s for result in used)
    median_s, p95_s = np.percentile([result.time_s for result in used], [50, 95])
    oracles = [result.hypothesis if result.oracle is None else result.oracle for result in used]
    judged = [result for result in used if result.confidences]
    confidences = [confidence for result in judged for confidence in result.confidences]
    right = [each for result in judged for each in right_words(result.reference, result.hypothesis)]
    return {
        "num_utterances": len(used),
        "num_failed": len(results) - len(used),
        "hours": audio_s / 3600,
        "metrics": words.as_dict("wer", "num_words")
        | {f"cer_{name}": value for name, value in chars.as_dict("cer", "num_characters").items() if name != "cer"}
        | {"cer": chars.error_rate}
        | {"oracle_wer": word_error_counts(references, oracles).error_rate},
        "confidence": confidence_figures(confidences, right),
        "speed": {
            "real_time_factor": audio_s / sum(result.time_s for result in used),
            "time_per_utterance_s": {"median": float(median_s), "p95": float(p95_s)},
        },
        "by_speaker": _by_speaker(used),
        "by_duration_s": _by_duration(used),
    }


def rates_by_group(results: Sequence[UtteranceResult], groups: Sequence[object]) -> dict[str, dict[str, float | int]]:
    """Error rates of each group of utterances, JSON-serialisable; utterances with an error are left out.

    Args:
        results: Everything that [`evaluate_utterances`] gave.
        groups: The group of each utterance, such as the corpus that it comes from.

    Returns:
        `num_utterances`, `wer` and `cer` (fractions) by the name of the group, in alphabetical order.

    Raises:
        ValueError: If there are not as many groups as utterances.
    """
    rows: dict[str, list[UtteranceResult]] = {}
    for result, group in zip(results, groups, strict=True):
        if result.error is None:
            rows.setdefault(str(group), []).append(result)
    return {
        name: {
            "num_utterances": len(part),
            "wer": _word_error_rate(part),
            "cer": character_error_counts(
                [each.reference for each in part], [each.hypothesis for each in part]
            ).error_rate,
        }
        for name, part in sorted(rows.items())
    }


def _word_error_rate(results: Sequence[UtteranceResult]) -> float:
    return sum((result.words for result in results), ErrorCounts()).error_rate


def _by_speaker(results: Sequence[UtteranceResult]) -> dict[str, float | int]:
    speakers = {result.speaker_id for result in results if result.speaker_id is not None}
    if not speakers:
        return {}
    rates = [_word_error_rate([result for result in results if result.speaker_id == speaker]) for speaker in speakers]
    return {
        "num_speakers": len(rates),
        "min": min(rates),
        "median": float(np.median(rates)),
        "max": max(rates),
    }


def _by_duration(results: Sequence[UtteranceResult]) -> list[dict[str, float | int]]:
    rows: list[dict[str, float | int]] = []
    for low_s, high_s in ((0, 5), (5, 10), (10, 15), (15, 20), (20, float("inf"))):
        part = [result for result in results if low_s <= result.duration_s < high_s and result.reference]
        if part:
            row: dict[str, float | int] = {"from_s": low_s, "num_utterances": len(part), "wer": _word_error_rate(part)}
            rows.append(row if high_s == float("inf") else {**row, "to_s": high_s})
    return rows


def comparison(results: Sequence[UtteranceResult]) -> str:
    """Reference against hypothesis of every utterance, aligned word by word, the one with the most errors first."""
    blocks = []
    for result in sorted(results, key=lambda result: (result.error is None, -result.words.num_edits, result.id)):
        if result.error is not None:
            blocks.append(f"{result.id}: not evaluated: {result.error}\n")
            continue
        counts = result.words
        head = (
            f"{result.id}: {counts.num_edits} errors in {counts.num_reference} words ({counts.substitutions} "
            f"substitutions, {counts.deletions} deletions, {counts.insertions} insertions), {result.duration_s:.1f} s"
        )
        blocks.append(f"{head}\n{_aligned(result)}\n")
    return "\n".join(blocks)


def _aligned(result: UtteranceResult) -> str:
    if not result.reference:
        return f"REF:\nHYP: {result.hypothesis}"
    alignment = jiwer.process_words(result.reference, result.hypothesis)
    lines = jiwer.visualize_alignment(alignment, show_measures=False, skip_correct=False).splitlines()
    return "\n".join(line for line in lines if line.startswith(("REF:", "HYP:", "   ")) and line.strip())

"""Measures a model on a data set: error rates, speed, and the utterances it gets wrong."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import jiwer
import numpy as np
import torch

from ..backends.base import RuntimeModel
from ..data.utterances import load_utterance, utterance_text
from ..language_model.confidence_fitting import confidence_figures, right_words
from ..metrics import ErrorCounts, character_error_counts, word_error_counts
from ..model.decoding_bigru_ctc import Decoder, Hypothesis, utterances_of
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..text.normalization import normalize_transcript
from ..transcription.decoding_pool import begin_to_decode

__all__ = ["UtteranceResult", "comparison", "evaluate_utterances", "summarize"]

Row = tuple[int, dict[str, Any]]
"""A row of a data set with its number."""


@dataclass(frozen=True)
class UtteranceResult:
    """One utterance of an evaluation.

    Args:
        id: Name of the utterance.
        reference: What was said, normalised.
        hypothesis: What was recognised; empty if there is an error.
        duration_s: Length of the audio.
        time_s: Time from encoded audio to text, as a clock on the wall shows it; in a batch, the batch's time divided
            by its size.
        speaker_id: Who spoke, if the data set says.
        confidences: Of the words of the hypothesis.
        best_of_readings: The reading with the fewest errors among those of the decoder, if known.
        error: Why the utterance could not be used, if so.
    """

    id: str
    reference: str
    hypothesis: str = ""
    duration_s: float = 0.0
    time_s: float = 0.0
    speaker_id: int | None = None
    confidences: tuple[float, ...] = ()
    best_of_readings: str | None = None
    error: str | None = None

    @property
    def words(self) -> ErrorCounts:
        """Word counts of this utterance."""
        return word_error_counts([self.reference], [self.hypothesis])


def evaluate_utterances(
    model: BiGRUForCTC | RuntimeModel,
    processor: BiGRUCTCProcessor,
    examples: Iterable[dict[str, Any]],
    *,
    batch_size: int = 1,
    num_workers: int = 1,
    decoder: Decoder | None = None,
    audio_column: str = "audio",
    text_column: str = "text",
) -> Iterator[UtteranceResult]:
    """Recognise utterances, from encoded audio to text.

    Args:
        model: The recogniser, in evaluation mode, on its device.
        processor: Computes its features and decodes its ids.
        examples: Rows of a data set, see [`load_speech_dataset`].
        batch_size: Utterances that run through the network together. The text is the same.
        num_workers: Threads that read the utterances of a batch. One batch does not begin before the last one is
            ready, so that its time is its own.
        decoder: Makes text of log-probabilities; greedily if `None`. A beam search decodes what is longer than a
            minute in parts, as [`transcribe`] does, and a started [`BeamSearchPool`] several utterances in parallel.
        audio_column: Column with the audio.
        text_column: Column with the transcript.

    Yields:
        One result for each row, in order; a row that cannot be used has an error and the others go on.

    Raises:
        ValueError: If `batch_size` or `num_workers` is below 1; at once, and not with the first row.
    """
    for name, value in (("batch_size", batch_size), ("num_workers", num_workers)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1.")
    sampling_rate = processor.feature_extractor.sampling_rate

    def read(row: Row) -> tuple[dict[str, Any], np.ndarray | None]:
        number, example = row
        result = {"id": str(example.get("id", number)), "reference": "", "speaker_id": example.get("speaker_id")}
        try:
            result["reference"] = normalize_transcript(utterance_text(example[text_column]))
            waveform = load_utterance(example[audio_column], sampling_rate)
        except (ValueError, OSError) as error:
            return result | {"error": str(error)}, None
        return result | {"duration_s": len(waveform) / sampling_rate}, waveform

    recognize = partial(_recognize, model, processor, decoder or processor.greedy_decoder())
    return _results(enumerate(examples), read, recognize, batch_size, num_workers)


def _results(
    rows: Iterator[Row],
    read: Callable[[Row], tuple[dict[str, Any], np.ndarray | None]],
    recognize: Callable[[list[np.ndarray]], list[list[Hypothesis]]],
    batch_size: int,
    num_workers: int,
) -> Iterator[UtteranceResult]:
    with ThreadPoolExecutor(num_workers) as threads:
        while batch := list(islice(rows, batch_size)):
            start_s = time.perf_counter()
            read_rows = list(threads.map(read, batch))
            waveforms = [waveform for _, waveform in read_rows if waveform is not None]
            readings = iter(recognize(waveforms) if waveforms else [])
            time_s = (time.perf_counter() - start_s) / max(len(waveforms), 1)
            for result, waveform in read_rows:
                if waveform is not None:
                    result |= {"time_s": time_s} | _texts(next(readings), result["reference"])
                yield UtteranceResult(**result)


@torch.inference_mode()
def _recognize(
    model: BiGRUForCTC | RuntimeModel, processor: BiGRUCTCProcessor, decoder: Decoder, waveforms: list[np.ndarray]
) -> list[list[Hypothesis]]:
    inputs = processor(audio=waveforms, sampling_rate=processor.feature_extractor.sampling_rate, device=model.device)
    log_probs, lengths = model(**inputs).logits.cpu(), inputs["attention_mask"].sum(-1).cpu()
    begun = [
        begin_to_decode(decoder, utterance, processor.tokenizer, processor.frame_s)
        for utterance in utterances_of(log_probs, lengths, len(processor.tokenizer))
    ]
    return [readings.result() for readings in begun]


def _texts(readings: list[Hypothesis], reference: str) -> dict[str, Any]:
    """What a result says of the readings of an utterance."""
    texts = [" ".join(reading.text.split()) for reading in readings]
    return {
        "hypothesis": texts[0],
        "confidences": tuple(word.confidence for word in readings[0].words),
        "best_of_readings": min(texts, key=lambda text: word_error_counts([reference], [text]).num_edits),
    }


def summarize(results: Sequence[UtteranceResult]) -> dict[str, Any]:
    """Figures of an evaluation, JSON-serialisable; utterances with an error are counted and left out.

    Args:
        results: Everything that [`evaluate_utterances`] gave.

    Returns:
        `num_utterances`, `num_failed`, `hours`, `metrics` (fractions and counts; `wer_best_of_readings` is what the
        best choice among the decoder's readings gives), `confidence` (see [`confidence_figures`]), `speed`
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
    best = [result.hypothesis if result.best_of_readings is None else result.best_of_readings for result in used]
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
        | {"wer_best_of_readings": word_error_counts(references, best).error_rate},
        "confidence": confidence_figures(confidences, right),
        "speed": {
            "real_time_factor": audio_s / sum(result.time_s for result in used),
            "time_per_utterance_s": {"median": float(median_s), "p95": float(p95_s)},
        },
        "by_speaker": _by_speaker(used),
        "by_duration_s": _by_duration(used),
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

"""Recognises a data set, from encoded audio to text, for its figures."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..audio.findings import without_lenience
from ..backends.base import RuntimeModel
from ..data.utterances import utterance_source, utterance_text
from ..metrics import ErrorCounts, word_error_counts
from ..model.decoding_bigru_ctc import Decoder, Hypothesis
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..runtime.decoding_pool import start_decoding
from ..text.languages import Normalizer
from ..transcription.network import Network, Recording

__all__ = ["UtteranceResult", "evaluate_utterances"]

Row = tuple[int, dict[str, Any]]
"""A row of a data set with its number."""


@dataclass(frozen=True)
class UtteranceResult:
    """One utterance of an evaluation.

    Args:
        id: Name of the utterance.
        reference: The transcript of the data set, normalised.
        hypothesis: The recognised text; empty if there is an error.
        duration_s: Length of the audio.
        time_s: Wall-clock time from encoded audio to text; in a batch, the batch's time divided by its size.
        speaker_id: The speaker, if the data set says.
        confidences: Of the words of the hypothesis.
        oracle: The hypothesis of the decoder with the fewest errors, if known.
        error: Why the utterance could not be used, if so.
    """

    id: str
    reference: str
    hypothesis: str = ""
    duration_s: float = 0.0
    time_s: float = 0.0
    speaker_id: int | None = None
    confidences: tuple[float, ...] = ()
    oracle: str | None = None
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
    """Recognise utterances of any length, from encoded audio to text, with the text that [`transcribe`] gives.

    Args:
        model: The recogniser, in evaluation mode, on its device.
        processor: Computes its features and decodes its ids.
        examples: Rows of a data set, see [`load_speech_dataset`].
        batch_size: Utterances that run through the network together. The text is the same.
        num_workers: Threads that read the utterances of a batch and compute their features. One batch does not start
            before the last one is ready, so that its time is its own.
        decoder: Makes text of log-probabilities; greedily if `None`. A beam search decodes what is longer than a
            minute in parts, and a started [`BeamSearchPool`] several utterances in parallel.
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
    network = Network(model, processor.feature_extractor, device=model.device)
    normalize = Normalizer.of(processor.tokenizer)

    def read(row: Row) -> tuple[dict[str, Any], Recording]:
        number, example = row
        result = {"id": str(example.get("id", number)), "reference": "", "speaker_id": example.get("speaker_id")}
        try:
            result["reference"] = normalize(utterance_text(example[text_column]))
            source = utterance_source(example[audio_column], network.sampling_rate)
        except (ValueError, OSError) as error:
            return result, Recording(b"", error=error)
        return result, network.read(source)

    decoder = decoder or processor.greedy_decoder()
    return _results(enumerate(examples), read, _Recognizer(network, processor, decoder), batch_size, num_workers)


@dataclass(frozen=True)
class _Recognizer:
    """Network and decoder as one."""

    network: Network
    processor: BiGRUCTCProcessor
    decoder: Decoder

    def __call__(self, recordings: list[Recording]) -> list[tuple[float, list[Hypothesis] | str]]:
        """Length in seconds of each recording, and its hypotheses, or why it cannot be used."""
        found = self.network.run(recordings)
        tokenizer, frame_s = self.processor.tokenizer, self.network.frame_s
        started = [
            without_lenience(str(each.error))
            if each.error is not None
            else start_decoding(self.decoder, each.values, tokenizer, frame_s)
            for each in found
        ]
        return [
            (each.duration_s, hypotheses if isinstance(hypotheses, str) else hypotheses.result())
            for each, hypotheses in zip(found, started, strict=True)
        ]


def _results(
    rows: Iterator[Row],
    read: Callable[[Row], tuple[dict[str, Any], Recording]],
    recognize: _Recognizer,
    batch_size: int,
    num_workers: int,
) -> Iterator[UtteranceResult]:
    with ThreadPoolExecutor(num_workers) as threads:
        while batch := list(islice(rows, batch_size)):
            start_s = time.perf_counter()
            described = list(threads.map(read, batch))
            found = recognize([recording for _, recording in described])
            num_used = sum(not isinstance(outcome, str) for _, outcome in found)
            time_s = (time.perf_counter() - start_s) / max(num_used, 1)
            for (result, _), (duration_s, outcome) in zip(described, found, strict=True):
                if isinstance(outcome, str):
                    yield UtteranceResult(**result, error=outcome)
                else:
                    texts = _texts(outcome, result["reference"])
                    yield UtteranceResult(**result, **texts, duration_s=duration_s, time_s=time_s)


def _texts(hypotheses: list[Hypothesis], reference: str) -> dict[str, Any]:
    """What a result says of the hypotheses for an utterance."""
    texts = [" ".join(hypothesis.text.split()) for hypothesis in hypotheses]
    return {
        "hypothesis": texts[0],
        "confidences": tuple(word.confidence for word in hypotheses[0].words),
        "oracle": min(texts, key=lambda text: word_error_counts([reference], [text]).num_edits),
    }

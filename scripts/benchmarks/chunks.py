"""The pipeline's overlapping chunks against one pass over a long recording: how many words change, and the speed.

    python scripts/compare_chunks.py --dataset_name openslr/librispeech_asr --dataset_config_name clean

Measured are word error rates, to the exact pass and to the transcripts, and times.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import AutomaticSpeechRecognitionPipeline

from hf_bigru_asr.data.utterances import load_utterance
from hf_bigru_asr.long_audio.network import log_probs_of_long_audio
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.model.decoding_bigru_ctc import GreedyDecoder
from hf_bigru_asr.text.normalization import normalize_transcript

__all__ = ["ChunkResult", "compare_chunks", "concatenated"]


@dataclass(frozen=True)
class ChunkResult:
    """A long recording, transcribed in one way.

    Args:
        chunk_length_s: Length of the pipeline's chunks; `None` is the exact pass.
        wer_to_exact: Word error rate with the text of the exact pass for reference, a fraction.
        wer: Word error rate against the transcript.
        time_s: Seconds from the samples to the text.
        real_time_factor: Seconds of audio per second.
    """

    chunk_length_s: float | None
    wer_to_exact: float
    wer: float
    time_s: float
    real_time_factor: float


def concatenated(
    examples: Iterable[dict[str, Any]],
    sampling_rate: int,
    duration_s: float,
    *,
    audio_column: str = "audio",
    text_column: str = "text",
) -> tuple[np.ndarray, str]:
    """One long recording made of utterances, one after another, and its transcript.

    Args:
        examples: Rows of a data set, see [`load_speech_dataset`].
        sampling_rate: Sampling rate of the result in Hz.
        duration_s: Seconds to reach; the recording ends with the utterance in which they are reached, or earlier.
        audio_column: Column with the audio.
        text_column: Column with the transcript.

    Returns:
        `(samples,)` float32, and the normalised transcript.

    Raises:
        ValueError: If there is no utterance, or one that cannot be used.
    """
    waveforms: list[np.ndarray] = []
    texts: list[str] = []
    for example in examples:
        waveforms.append(load_utterance(example[audio_column], sampling_rate))
        texts.append(normalize_transcript(example[text_column]))
        if sum(map(len, waveforms)) >= duration_s * sampling_rate:
            break
    if not waveforms:
        raise ValueError("There is no utterance to make a recording of; give at least one.")
    return np.concatenate(waveforms), " ".join(texts)


def compare_chunks(
    recognizer: AutomaticSpeechRecognitionPipeline,
    waveform: np.ndarray,
    reference: str,
    chunk_lengths_s: Iterable[float],
    *,
    batch_size: int = 8,
) -> Iterator[ChunkResult]:
    """Transcribe a recording exactly and then in overlapping chunks of several lengths, greedily.

    Args:
        recognizer: The stock pipeline.
        waveform: `(samples,)` at the sampling rate of its feature extractor.
        reference: Its transcript.
        chunk_lengths_s: Lengths of chunks; they overlap by a sixth on either side, as the pipeline has it.
        batch_size: Chunks that run together.

    Yields:
        The exact pass first, then one result for each length.
    """
    extractor: Any = recognizer.feature_extractor
    tokenizer: Any = recognizer.tokenizer
    rate = extractor.sampling_rate
    duration_s = len(waveform) / rate
    decoder = GreedyDecoder(tokenizer, extractor.hop_length / rate)

    def result(chunk_length_s: float | None, text: str, start_s: float) -> ChunkResult:
        time_s = time.perf_counter() - start_s
        return ChunkResult(
            chunk_length_s,
            word_error_counts([exact], [text]).error_rate,
            word_error_counts([reference], [text]).error_rate,
            time_s,
            duration_s / time_s,
        )

    start_s = time.perf_counter()
    log_probs = log_probs_of_long_audio(recognizer.model, extractor, waveform, sampling_rate=rate)
    exact = decoder(log_probs[None])[0][0].text
    yield result(None, exact, start_s)
    for chunk_length_s in chunk_lengths_s:
        start_s = time.perf_counter()
        audio = {"raw": waveform, "sampling_rate": rate}
        output: Any = recognizer(audio, chunk_length_s=chunk_length_s, batch_size=batch_size)
        yield result(chunk_length_s, output["text"], start_s)

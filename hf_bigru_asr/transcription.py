"""Transcribes many recordings with the stock pipeline; one that cannot be read does not stop the others."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutomaticSpeechRecognitionPipeline, pipeline

from .audio import load_audio
from .bundled import BUNDLED, resolve_model
from .decoding import Hypothesis
from .hotwords import DEFAULT_HOTWORD_WEIGHT
from .pipeline import BeamSearchPipeline
from .text import normalize_transcript

__all__ = ["OWN_LANGUAGE_MODEL", "Transcript", "load_recognizer", "parse_hotwords", "transcribe"]

OWN_LANGUAGE_MODEL = "own"
"""What the scripts take for the language model that lies beside a model."""


@dataclass(frozen=True)
class Transcript:
    """What was said in one recording, or why it could not be transcribed.

    Args:
        source: Name of the recording.
        text: The transcript, in capitals; `None` if there is an error.
        duration_s: Length of the recording; 0 if there is an error.
        chunks: Words or characters `{"text", "timestamp": (start_s, end_s)}` if asked for.
        hypotheses: The best readings, if the recogniser gives more than one.
        error: What is wrong with the recording, if something is.
    """

    source: str
    text: str | None = None
    duration_s: float = 0.0
    chunks: list[dict[str, Any]] | None = None
    hypotheses: list[Hypothesis] | None = None
    error: str | None = None


def parse_hotwords(entries: Iterable[str]) -> dict[str, float]:
    """Phrases with their weights from the words of a command line.

    Args:
        entries: Each a phrase as people write it, or a phrase, a colon and its weight.

    Returns:
        Weights by phrase, [`DEFAULT_HOTWORD_WEIGHT`] where none is given. Phrases are normalised as transcripts are.

    Raises:
        ValueError: If what follows the last colon is no number, or a phrase has characters that no rule covers.

    Example:
        >>> parse_hotwords(["Apollo 11", "Queequeg:9.5"])
        {'APOLLO ELEVEN': 6.0, 'QUEEQUEG': 9.5}
    """
    hotwords = {}
    for entry in entries:
        phrase, colon, weight = entry.rpartition(":")
        try:
            number = float(weight) if colon else DEFAULT_HOTWORD_WEIGHT
        except ValueError as error:
            raise ValueError(f"The hotword {entry!r} ends with {weight!r}; give a number after the colon.") from error
        hotwords[normalize_transcript(phrase if colon else entry)] = number
    return hotwords


def load_recognizer(
    model: str | Path = BUNDLED,
    *,
    language_model: str | Path | None = None,
    decoding: dict[str, Any] | None = None,
    device: str | None = None,
    trust_remote_code: bool = False,
) -> AutomaticSpeechRecognitionPipeline:
    """The speech recognition pipeline with a model.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        language_model: Folder of a language model, or `"own"` for the model's own; greedy decoding if `None`.
        decoding: Fields of [`BeamSearchSettings`] to change.
        device: Where to run; `None` lets the library choose.
        trust_remote_code: Whether to run the code that comes with a model on the Hub instead of this package's.
    """
    options: dict[str, Any] = {}
    if language_model is not None:
        folder = None if str(language_model) == OWN_LANGUAGE_MODEL else language_model
        options = {"pipeline_class": BeamSearchPipeline, "language_model": folder, "decoding": decoding}
    return pipeline(
        "automatic-speech-recognition",
        model=resolve_model(model),
        device=device,
        trust_remote_code=trust_remote_code,
        **options,
    )


def transcribe(
    recognizer: AutomaticSpeechRecognitionPipeline,
    sources: Iterable[str | Path],
    *,
    batch_size: int = 1,
    chunk_length_s: float | None = None,
    stride_length_s: float | None = None,
    return_timestamps: str | None = None,
) -> Iterator[Transcript]:
    """Transcribe recordings one after another, in order.

    Args:
        recognizer: See [`load_recognizer`].
        sources: Files in any format that [`load_audio`] reads.
        batch_size: Recordings, or chunks of them, that run through the network together. The text is the same.
        chunk_length_s: Cut recordings into chunks of this length; whole recordings if `None`.
        stride_length_s: Overlap on either side of a chunk; a sixth of its length if `None`.
        return_timestamps: `"char"` or `"word"` for times.

    Yields:
        One [`Transcript`] for each source, with an error where the recording cannot be used.
    """
    sampling_rate = recognizer.feature_extractor.sampling_rate  # type: ignore[union-attr] # speech always has one
    waiting: deque[Transcript] = deque()

    def waveforms() -> Iterator[dict[str, Any]]:
        for source in sources:
            try:
                waveform = load_audio(source, sampling_rate=sampling_rate)
            except (ValueError, OSError) as error:
                waiting.append(Transcript(str(source), error=str(error)))
                continue
            waiting.append(Transcript(str(source), duration_s=len(waveform) / sampling_rate))
            yield {"raw": waveform, "sampling_rate": sampling_rate}

    def failures() -> Iterator[Transcript]:
        while waiting and waiting[0].error is not None:
            yield waiting.popleft()

    options = {
        "chunk_length_s": chunk_length_s,
        "stride_length_s": stride_length_s,
        "return_timestamps": return_timestamps,
    }
    given = {name: value for name, value in options.items() if value is not None}
    for output in recognizer(waveforms(), batch_size=batch_size, **given):  # type: ignore[arg-type] # takes iterators
        yield from failures()
        begun = waiting.popleft()
        yield Transcript(
            begun.source, output["text"], begun.duration_s, output.get("chunks"), output.get("hypotheses")
        )
    yield from failures()

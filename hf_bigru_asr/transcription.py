"""Transcribes many recordings with the stock pipeline; one that cannot be read does not stop the others."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutomaticSpeechRecognitionPipeline, AutoProcessor, pipeline

from .audio import load_audio
from .bundled import BUNDLED, resolve_model
from .decoding import Hypothesis
from .pipeline import BeamSearchPipeline
from .runtime_models import choose_runtime, load_model

__all__ = ["OWN_LANGUAGE_MODEL", "Transcript", "load_recognizer", "transcribe"]

TASK: Literal["automatic-speech-recognition"] = "automatic-speech-recognition"

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


def load_recognizer(
    model: str | Path = BUNDLED,
    *,
    language_model: str | Path | None = None,
    decoding: dict[str, Any] | None = None,
    runtime: str = "torch",
    dtype: str | None = None,
    num_threads: int | None = None,
    device: str | None = None,
    trust_remote_code: bool = False,
) -> AutomaticSpeechRecognitionPipeline:
    """The speech recognition pipeline with a model.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        language_model: Folder of a language model, or `"own"` for the model's own; greedy decoding if `None`.
        decoding: Fields of [`BeamSearchSettings`] to change.
        runtime: What runs the network: `"torch"`, `"onnx"`, `"openvino"` or `"auto"`, see [`choose_runtime`].
        dtype: Number format of the network, see [`load_model`].
        num_threads: Threads of the network; as the runtime sees fit if `None`.
        device: Where to run; `None` lets the library choose.
        trust_remote_code: Whether to run the code that comes with a model on the Hub instead of this package's.

    Raises:
        ImportError: If the extra of the runtime is not installed.
        ValueError: If the runtime does not run so.
    """
    name = resolve_model(model)
    options: dict[str, Any] = {}
    if language_model is not None:
        folder = None if str(language_model) == OWN_LANGUAGE_MODEL else language_model
        options = {"pipeline_class": BeamSearchPipeline, "language_model": folder, "decoding": decoding}
    runtime = choose_runtime(runtime, device)
    if runtime == "torch":
        if num_threads is not None:
            torch.set_num_threads(num_threads)
        if dtype is not None:
            options["dtype"] = dtype
        return pipeline(TASK, model=name, device=device, trust_remote_code=trust_remote_code, **options)
    # To the pipeline's types only a PreTrainedModel is a model.
    network: Any = load_model(name, runtime, num_threads=num_threads, dtype=dtype)
    processor = AutoProcessor.from_pretrained(name, trust_remote_code=trust_remote_code)
    return pipeline(
        TASK,
        model=network,
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
        processor=processor,
        device="cpu",
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

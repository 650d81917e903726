"""Transcribes many recordings, of any length; one that cannot be read does not stop the others."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import torch
from transformers import AutomaticSpeechRecognitionPipeline, AutoModelForCTC, AutoProcessor, pipeline

from ..audio.channels import Channels, check_channels
from ..audio.findings import OnDamage, check_on_damage
from ..audio.loading import iterate_audio
from ..backends.loading import check_options, check_parts, check_weights, choose_runtime, load_model
from ..bundled import BUNDLED, resolve_model
from ..model.beam_search_bigru_ctc import BeamSearchDecoder
from ..model.checked_files_bigru_ctc import library_errors_named
from ..model.decoding_bigru_ctc import DecodedWord, Decoder, GreedyDecoder
from ..model.found_path_bigru_ctc import Check, no_check
from ..model.frame_grids_bigru_ctc import use_offsets
from ..model.loaded_weights_bigru_ctc import check_is_whole
from ..runtime.decoding_pool import BeamSearchPool
from ..runtime.hotwords import parse_hotwords
from .batches import BATCH_S, BATCH_SIZE, LONG_S, BatchRecognizer, Recognition
from .network import AudioSource, ChannelSource, channel_sources, check_source, source_name
from .pipeline import OWN_LANGUAGE_MODEL, BeamSearchPipeline, language_model_of, timed_chunks
from .transcripts import Transcript, Turn, join_channels

__all__ = [
    "OWN_LANGUAGE_MODEL",
    "Transcript",
    "Turn",
    "language_model_of",
    "load_recognizer",
    "parse_hotwords",
    "transcribe",
]

TASK: Literal["automatic-speech-recognition"] = "automatic-speech-recognition"


def load_recognizer(
    model: str | Path = BUNDLED,
    *,
    language_model: str | Path | None = None,
    decoding: dict[str, Any] | None = None,
    preset: str | None = None,
    runtime: str = "torch",
    dtype: str | None = None,
    num_threads: int | None = None,
    num_offsets: int | None = None,
    device: str | None = None,
    trust_remote_code: bool = False,
) -> AutomaticSpeechRecognitionPipeline:
    """The speech recognition pipeline with a model.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        language_model: Folder of a language model, or `"own"` for the model's own; greedy decoding if `None`.
        decoding: Fields of [`BeamSearchSettings`] to change, `hotwords` for example.
        preset: Settings that come with the language model: `"accurate"`, which `None` is too, or `"fast"`.
        runtime: Backend of the network: `"torch"`, `"onnx"`, `"openvino"` or `"auto"`, see [`choose_runtime`].
        dtype: Number format of the network, see [`load_model`].
        num_threads: Threads of the network; the backend's own choice if `None`.
        num_offsets: Frame grids whose log-probabilities are averaged: fewer errors for so many times the work. `None`
            takes what the language model's or the model's own files say; without a language model usually 1.
        device: Where to run; `None` lets the library choose.
        trust_remote_code: Whether to run the code that comes with a model on the Hub instead of this package's.

    Raises:
        FileNotFoundError: If the model is neither here nor on the Hub, the folder of the language model holds none, or
            that of the model an ONNX graph alone.
        ImportError: If the extra of the backend is not installed.
        ValueError: If an argument is out of range, there are settings of a beam search without a language model, a
            file of the model is broken, weights are missing or not finite, or parts belong to different models.
    """
    folder = language_model_of(language_model)
    if preset is not None:
        decoding = {**(decoding or {}), "preset": preset}
    options = _search_options(language_model, folder, decoding, num_offsets)
    runtime = choose_runtime(runtime, device)
    check_options(device=device, num_threads=num_threads, dtype=dtype, runtime=runtime)
    name = resolve_model(model)
    if runtime == "torch":
        if num_threads is not None:
            torch.set_num_threads(num_threads)
        if dtype is not None:
            options["dtype"] = dtype
        check_weights(name)
        recognizer = _torch_pipeline(name, device, trust_remote_code, options)
    else:
        network = load_model(name, runtime, num_threads=num_threads, dtype=dtype)
        recognizer = _pipeline_of(network, AutoProcessor.from_pretrained(name), options)
    check_parts(recognizer.model, recognizer.feature_extractor, recognizer.tokenizer)
    if language_model is None:
        use_offsets(recognizer.feature_extractor, num_offsets)
    return recognizer


def _search_options(
    language_model: str | Path | None, folder: Path | None, decoding: dict[str, Any] | None, num_offsets: int | None
) -> dict[str, Any]:
    """Arguments of the pipeline for beam search; none without a language model."""
    if language_model is not None:
        if num_offsets is not None:
            decoding = {**(decoding or {}), "num_offsets": num_offsets}
        return {"pipeline_class": BeamSearchPipeline, "language_model": folder, "decoding": decoding}
    if decoding:
        raise ValueError(
            f"decoding has {', '.join(decoding)}, which belong to beam search; give language_model= too, "
            f"{OWN_LANGUAGE_MODEL!r} for the model's own."
        )
    return {}


def _torch_pipeline(
    name: str, device: str | None, trust_remote_code: bool, options: dict[str, Any]
) -> AutomaticSpeechRecognitionPipeline:
    """The pipeline with a torch model of any make."""
    with library_errors_named(name):
        try:
            recognizer = pipeline(TASK, model=name, device=device, trust_remote_code=trust_remote_code, **options)
        except ValueError as error:
            if "Could not load model" in str(error):
                # The pipeline tries several classes and quotes their tracebacks; the first one says what is wrong.
                AutoModelForCTC.from_pretrained(name, trust_remote_code=trust_remote_code)
            raise
        except OSError as error:
            if name in str(error) or Path(name).exists():
                raise
            raise FileNotFoundError(
                f"{name} is neither a folder nor a model that could be downloaded: {error}"
            ) from error
        check_is_whole(recognizer.model, name)
        if recognizer.processor is None and _is_ours(recognizer):
            # The library loads the parts of a processor alone for this task, but the confidences are the processor's.
            processor: Any = AutoProcessor.from_pretrained(name, trust_remote_code=trust_remote_code)
            recognizer.processor = processor
            recognizer.tokenizer, recognizer.feature_extractor = processor.tokenizer, processor.feature_extractor
    return recognizer


def _pipeline_of(
    network: Any,  # noqa: ANN401 - to the pipeline's types only a PreTrainedModel is a model
    processor: Any,  # noqa: ANN401 - may come from the Hub with code of its own
    options: dict[str, Any],
) -> AutomaticSpeechRecognitionPipeline:
    """The pipeline with a model of another backend."""
    return pipeline(
        TASK,
        model=network,
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
        processor=processor,
        device="cpu",
        **options,
    )


def _is_ours(recognizer: AutomaticSpeechRecognitionPipeline) -> bool:
    """Whether the model's features are those of this package."""
    return hasattr(recognizer.feature_extractor, "extract")


def transcribe(
    recognizer: AutomaticSpeechRecognitionPipeline,
    sources: AudioSource | BinaryIO | Iterable[AudioSource | BinaryIO],
    *,
    batch_size: int = BATCH_SIZE,
    batch_s: float = BATCH_S,
    num_workers: int = 1,
    long_s: float = LONG_S,
    chunk_length_s: float | None = None,
    stride_length_s: float | None = None,
    return_timestamps: str | None = None,
    channels: Channels = "mix",
    on_damage: OnDamage = "error",
    check: Check = no_check,
) -> Iterator[Transcript]:
    """Transcribe recordings, in order.

    Texts and times are those that `recognizer` gives for every recording alone, whatever the other arguments are.
    With a language model what is longer than a minute is decoded in parts, which end in pauses. Confidences are those
    of `recognizer.processor`; a pipeline that was made without one gives none.

    Args:
        recognizer: See [`load_recognizer`]; its model may be one of another backend.
        sources: Files in any format that [`load_audio`] reads, as paths, bytes or open binary files, or NumPy arrays
            of samples at the model's sampling rate. One recording alone need not be in a list.
        batch_size: Most recordings that run through the network together.
        batch_s: Most seconds of audio that run together.
        num_workers: Threads that read files and, with a language model and more than one, processes that decode.
        long_s: What is longer goes through the network in chunks, with the result of one pass over the whole.
        chunk_length_s: Cut recordings into the pipeline's chunks of this length instead, whose results differ.
        stride_length_s: Overlap on either side of such a chunk; a sixth of its length if `None`.
        return_timestamps: `"char"` or `"word"` for times.
        channels: As in [`load_audio`]. With `"split"` a transcript has `channels`, and `turns` in order of time.
        on_damage: As in [`load_audio`]. What a damaged recording has lost is in the `warnings` of its transcript.
        check: Called now and then, in threads too, also within long recordings; what it raises ends the work.

    Yields:
        One [`Transcript`] for each source, with an error where the recording cannot be used.

    Raises:
        ValueError: If an argument is out of range; at once, and not with the first recording.
    """
    _check_arguments(chunk_length_s, stride_length_s, return_timestamps)
    check_channels(channels)
    check_on_damage(on_damage)
    recordings = _listed(sources)
    if chunk_length_s is not None or not _is_ours(recognizer):
        options: dict[str, Any] = {"chunk_length_s": chunk_length_s, "stride_length_s": stride_length_s}
        _check_pipeline_arguments(batch_size, channels)
        audio_options = {"channels": channels, "on_damage": on_damage}
        options["return_timestamps"] = return_timestamps
        return _transcribe_with_pipeline(recognizer, recordings, batch_size, options, audio_options)
    ours: Any = recognizer
    check_parts(ours.model, ours.feature_extractor, ours.tokenizer)
    parts = (ours.model, ours.feature_extractor, ours.tokenizer, _decoder_of(recognizer))
    batches = BatchRecognizer(*parts, batch_size, batch_s, num_workers, long_s)
    batches = replace(batches, channels="mix" if channels == "split" else channels, on_damage=on_damage, check=check)
    run = _transcribe_channels if channels == "split" else _transcribe_in_batches
    return run(batches, recordings, return_timestamps)


def _listed(sources: Any) -> Iterable[Any]:  # noqa: ANN401 - what a caller took for recordings
    """Recordings; of what is one itself, and no collection of them, a list."""
    is_one = isinstance(sources, str | PathLike | bytes | bytearray | memoryview | np.ndarray | torch.Tensor | Mapping)
    return [sources] if is_one or hasattr(sources, "read") else sources


def _check_pipeline_arguments(batch_size: int, channels: Channels) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be positive.")
    if channels == "split":
        raise ValueError(
            "channels is 'split'; the pipeline's own chunks (chunk_length_s) and models of other makes have one "
            "transcript for a recording: give 'mix' or the number of a channel."
        )


def _check_arguments(
    chunk_length_s: float | None, stride_length_s: float | None, return_timestamps: str | None
) -> None:
    if return_timestamps not in (None, "char", "word"):
        raise ValueError(f"return_timestamps is {return_timestamps!r}; it must be 'char', 'word' or None.")
    if stride_length_s is not None and chunk_length_s is None:
        raise ValueError(f"stride_length_s is {stride_length_s}; it needs chunk_length_s.")
    if chunk_length_s is not None and not chunk_length_s > 0:
        raise ValueError(f"chunk_length_s is {chunk_length_s}; it must be positive.")
    if chunk_length_s is not None and stride_length_s is not None and not 0 <= stride_length_s < chunk_length_s / 2:
        raise ValueError(
            f"stride_length_s is {stride_length_s}; it must be at least 0 and less than half of chunk_length_s, "
            f"which is {chunk_length_s}."
        )


def _decoder_of(recognizer: AutomaticSpeechRecognitionPipeline) -> Decoder:
    """The decoder of a pipeline, with the confidences of its processor."""
    if isinstance(recognizer, BeamSearchPipeline):
        return recognizer.decoder()
    extractor: Any = recognizer.feature_extractor
    tokenizer: Any = recognizer.tokenizer
    processor: Any = recognizer.processor
    confidence = processor.greedy_decoder().confidence if hasattr(processor, "greedy_decoder") else None
    return GreedyDecoder(tokenizer, extractor.hop_length / extractor.sampling_rate, confidence)


def _transcribe_in_batches(
    batches: BatchRecognizer, sources: Iterable[str | Path], return_timestamps: str | None
) -> Iterator[Transcript]:
    for found in _recognized(batches, sources):
        yield _transcript_of(found, source_name(found.source), batches.decoder, return_timestamps)


def _transcribe_channels(
    batches: BatchRecognizer, sources: Iterable[str | Path], return_timestamps: str | None
) -> Iterator[Transcript]:
    """Transcribe every channel, and join those of a recording."""
    channels: list[Transcript] = []
    words: list[Sequence[DecodedWord]] = []
    for found in _recognized(batches, channel_sources(sources)):
        source: Any = found.source
        channels.append(_transcript_of(found, source_name(source.source), batches.decoder, return_timestamps))
        words.append(found.hypotheses[0].words if found.hypotheses else ())
        if len(channels) == source.num_channels:
            yield join_channels(channels, words)
            channels, words = [], []


def _recognized(batches: BatchRecognizer, sources: Iterable[str | Path | ChannelSource]) -> Iterator[Recognition]:
    """Recognise, with a beam search in processes if there are several workers."""
    with ExitStack() as stack:
        if isinstance(batches.decoder, BeamSearchDecoder) and batches.num_workers > 1:
            pool = BeamSearchPool.of_decoder(batches.decoder, batches.num_workers)
            batches = replace(batches, decoder=stack.enter_context(pool))
        elif isinstance(batches.decoder, BeamSearchDecoder):
            batches = replace(batches, decoder=batches.decoder.checked(batches.check))
        yield from batches.recognize(sources)


def _transcript_of(found: Recognition, source: str, decoder: Decoder, return_timestamps: str | None) -> Transcript:
    """The transcript of a recording, or of one of its channels."""
    warnings = list(found.warnings)
    if found.error is not None:
        return Transcript(source, error=found.error, warnings=warnings)
    best = found.hypotheses[0]
    has_more = isinstance(decoder, BeamSearchDecoder) and decoder.settings.nbest > 1
    is_calibrated = decoder.confidence is not None
    return Transcript(
        source,
        best.text,
        found.duration_s,
        None if return_timestamps is None else timed_chunks(best, return_timestamps, with_confidence=is_calibrated),
        found.hypotheses if has_more else None,
        warnings=warnings,
    )


def _transcribe_with_pipeline(
    recognizer: AutomaticSpeechRecognitionPipeline,
    sources: Iterable[str | Path],
    batch_size: int,
    options: dict[str, Any],
    audio_options: dict[str, Any],
) -> Iterator[Transcript]:
    """Transcribe with the pipeline itself: for its own chunks, and for models of other makes."""
    options = {name: value for name, value in options.items() if value is not None}
    sampling_rate = recognizer.feature_extractor.sampling_rate  # type: ignore[union-attr] # speech always has one
    waiting: deque[Transcript] = deque()

    def waveforms() -> Iterator[dict[str, Any]]:
        for source in sources:
            warnings: list[str] = []
            name = source_name(source)
            try:
                check_source(source, can_be_array=False)
                blocks = iterate_audio(source, sampling_rate=sampling_rate, warn=warnings.append, **audio_options)
                waveform = np.concatenate(list(blocks))
            except (ValueError, OSError) as error:
                waiting.append(Transcript(name, error=str(error)))
                continue
            waiting.append(
                Transcript(source_name(source), duration_s=len(waveform) / sampling_rate, warnings=warnings)
            )
            yield {"raw": waveform, "sampling_rate": sampling_rate}

    def failures() -> Iterator[Transcript]:
        while waiting and waiting[0].error is not None:
            yield waiting.popleft()

    for output in recognizer(waveforms(), batch_size=batch_size, **options):  # type: ignore[arg-type] # takes iterators
        yield from failures()
        begun = waiting.popleft()
        yield replace(begun, text=output["text"], chunks=output.get("chunks"), hypotheses=output.get("hypotheses"))
    yield from failures()

"""Recognition by the pipeline of transformers, for those who ask for torch."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from transformers import AutomaticSpeechRecognitionPipeline
from transformers.utils.logging import disable_progress_bar

from ..formats.transcript import RecognizedWord, RecognizerFacts, TimedTranscript
from ..text.language_names import check_language
from ..text.languages import NO_RULES
from ..transcription.recognizer import load_recognizer, parse_hotwords, transcribe
from ..transcription.transcripts import Transcript
from .hotwords import rules_of_model
from .inputs import Input
from .jobs import Check
from .recognition import RecognitionOptions, SpokenWord, description, facts_of, problem_of, stream_of

__all__ = ["TorchRecognition", "load_torch_recognition"]


def load_torch_recognition(options: RecognitionOptions) -> "TorchRecognition":
    """Load model and decoder.

    Raises:
        FileNotFoundError: If a file of the model or of the language model is missing.
        ImportError: If a package is missing.
        ValueError: If an option is wrong.
    """
    from ..bundled import resolve_model
    from ..model.language_model_files_bigru_ctc import find_language_model

    disable_progress_bar()  # of reading weights, which takes no time
    folder = Path(resolve_model(options.model))
    if folder.is_dir() and not any(folder.glob("*.safetensors*")):
        raise FileNotFoundError(f"{folder} has no model.safetensors; give the folder of a model")
    language_model = options.language_model
    if language_model == "none":
        language_model = None
    elif language_model is None and find_language_model(resolve_model(options.model)) is not None:
        language_model = "own"
    hotwords = parse_hotwords(options.hotwords, rules_of_model(options.model)) if options.hotwords else {}
    recognizer = load_recognizer(
        options.model,
        language_model=language_model,
        decoding={"hotwords": hotwords} if hotwords else None,
        preset=options.preset,
        num_threads=options.num_threads,
        num_offsets=options.num_offsets,
        dtype=options.dtype,
    )
    if options.language is not None:
        check_language(options.language, getattr(recognizer.tokenizer, "language", NO_RULES))
    return TorchRecognition(recognizer, options, facts_of(options, language_model))


class TorchRecognition:
    """Recognises recordings; see [`Recognition`][hf_bigru_asr.cli.recognition.Recognition].

    Args:
        recognizer: The pipeline.
        options: What runs.
        facts: The same, as transcripts have it.
    """

    def __init__(
        self, recognizer: AutomaticSpeechRecognitionPipeline, options: RecognitionOptions, facts: RecognizerFacts
    ) -> None:
        self._recognizer, self._options, self._facts = recognizer, options, facts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def describe(self) -> str:
        """What runs, for people."""
        extractor: Any = self._recognizer.feature_extractor
        return description(self._options, self._facts, getattr(extractor, "num_offsets", 1))

    def __call__(self, recordings: Sequence[Input], check: Check) -> Iterator[TimedTranscript]:
        """Transcripts of some recordings, which go through the network together."""
        sources: list[Any] = []
        for recording in recordings:
            check()
            sources.append(stream_of(recording, self._options.limits))
        found = transcribe(
            self._recognizer,
            sources,
            return_timestamps="word",
            channels=self._options.channels,
            on_damage=self._options.on_damage,
            check=check,
        )
        for each in zip(recordings, found, strict=True):
            yield self._transcript(*each)

    def _transcript(self, recording: Input, found: Transcript) -> TimedTranscript:
        warnings = tuple(found.warnings)
        if found.error is not None:
            error = problem_of(recording, found.error)
            return TimedTranscript(recording.source, 0.0, warnings=warnings, error=error, recognizer=self._facts)
        channels = [_words(each.chunks or ()) for each in found.channels or [found]]
        return TimedTranscript.from_channels(
            recording.source, found.duration_s, channels, warnings=warnings, recognizer=self._facts
        )


def _words(chunks: Sequence[Mapping[str, Any]]) -> list[RecognizedWord]:
    words: list[RecognizedWord] = []
    for each in chunks:
        start_s, end_s = each["timestamp"]
        words.append(SpokenWord(each["text"], start_s, end_s, each.get("confidence")))
    return words

"""Recordings to transcripts, on ONNX Runtime or OpenVINO without torch, or on torch where that is asked for."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .. import __version__
from ..audio.channels import Channels
from ..audio.download import MAX_BYTES, MAX_S, Download
from ..audio.findings import OnDamage
from ..audio.loading import count_channels, iterate_audio
from ..audio.sources import Source, open_source
from ..bundled import BUNDLED
from ..formats.transcript import RecognizedWord, RecognizerFacts, TimedTranscript
from ..model.decoding_bigru_ctc import Hypothesis
from ..runtime.recognizer import OnnxRecognizer
from ..runtime.resampling import resample
from .inputs import STANDARD_INPUT, Input
from .jobs import Check
from .one_line import describe_error

__all__ = ["DownloadLimits", "LightRecognition", "Recognition", "RecognitionOptions", "load_recognition"]

REFUSED = (ValueError, OSError, ImportError)
"""What is wrong with one recording."""


@dataclass(frozen=True)
class DownloadLimits:
    """What is downloaded from an address at the most.

    Args:
        max_bytes: Its size.
        max_s: The time that it takes.
    """

    max_bytes: int = MAX_BYTES
    max_s: float = MAX_S


@dataclass(frozen=True)
class RecognitionOptions:
    """What runs, and how.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        runtime: `"onnx"`, `"openvino"` or `"torch"`.
        language_model: Folder of a language model, `"own"`, `"none"`, or `None` for the model's own if it has one.
        hotwords: Weights by phrase.
        grammar: File of a grammar; only what it allows is recognised.
        num_offsets: Frame grids; those that the model's files say if `None`.
        num_threads: Threads of the network; the runtime's own choice if `None`.
        channels: As in [`load_audio`].
        on_damage: As in [`load_audio`].
        limits: Of downloads.
    """

    model: str = BUNDLED
    runtime: str = "onnx"
    language_model: str | None = None
    hotwords: Mapping[str, float] | None = None
    grammar: Path | None = None
    num_offsets: int | None = None
    num_threads: int | None = None
    channels: Channels = "mix"
    on_damage: OnDamage = "error"
    limits: DownloadLimits = DownloadLimits()


class Recognition(Protocol):
    """Makes transcripts. Several threads may call it at once."""

    facts: RecognizerFacts

    def __call__(self, recordings: Sequence[Input], check: Check) -> list[TimedTranscript]:
        """Transcripts of some recordings, with an error where one cannot be used.

        Args:
            recordings: Those that run together.
            check: Called now and then.
        """

    def describe(self) -> str:
        """What runs, for people."""


@dataclass(frozen=True)
class _Word:
    """A word as [`RecognizedWord`] describes it."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None


@dataclass
class _Piece:
    """One channel of one recording on its way."""

    row: int
    waveform: Any = None
    words: Sequence[RecognizedWord] = ()
    num_samples: int = 0


class LightRecognition:
    """Recognition without torch.

    Args:
        recognizer: The network and its decoder.
        options: What runs.
        facts: The same, as transcripts have it.
    """

    def __init__(self, recognizer: OnnxRecognizer, options: RecognitionOptions, facts: RecognizerFacts) -> None:
        self._recognizer, self._options, self.facts = recognizer, options, facts

    def describe(self) -> str:
        """What runs."""
        return _description(self.facts, self._recognizer.feature_settings.num_offsets)

    def __call__(self, recordings: Sequence[Input], check: Check) -> list[TimedTranscript]:
        """Transcripts; see [`Recognition`]. Short recordings go through the network together."""
        warnings: list[list[str]] = [[] for _ in recordings]
        errors: dict[int, str] = {}
        channels: list[list[_Piece]] = [[] for _ in recordings]
        for row, recording in enumerate(recordings):
            try:
                for piece in self._read(recording, row, warnings[row].append, check):
                    channels[row].append(piece)
            except REFUSED as error:
                errors[row] = describe_error(error)
                channels[row] = []
        self._recognize_short([piece for row in channels for piece in row if piece.waveform is not None], check)
        return [
            self._transcript(recording, channels[row], list(dict.fromkeys(warnings[row])), errors.get(row))
            for row, recording in enumerate(recordings)
        ]

    def _read(self, recording: Input, row: int, warn: Callable[[str], None], check: Check) -> Iterator[_Piece]:
        """The channels of a recording: short ones with their samples, long ones with their words."""
        source = _opened(recording, self._options.limits)
        wanted: Iterable[Channels] = [self._options.channels]
        if self._options.channels == "split":
            wanted = range(count_channels(source))
        for channel in wanted:
            blocks = iterate_audio(
                source,
                sampling_rate=self._recognizer.sampling_rate,
                resample=resample,
                channels=channel,
                on_damage=self._options.on_damage,
                warn=warn,
            )
            yield self._piece(row, _checked(blocks, check))

    def _piece(self, row: int, blocks: Iterator[Any]) -> _Piece:
        piece = _Piece(row)
        start: list[Any] = []
        for block in blocks:
            start.append(block)
            piece.num_samples += len(block)
            if piece.num_samples > self._recognizer.long_s * self._recognizer.sampling_rate:
                self._recognize_long(piece, chain(start, _counted(blocks, piece)))
                return piece
        piece.waveform = np.concatenate(start)
        return piece

    def _recognize_long(self, piece: _Piece, blocks: Iterable[Any]) -> None:
        piece.words = self._words(np.concatenate(list(self._recognizer.log_probs_of_blocks(blocks))))

    def _recognize_short(self, pieces: Sequence[_Piece], check: Check) -> None:
        for batch in _batches(pieces):
            check()
            found = self._recognizer.log_probs([piece.waveform for piece in batch])
            for piece, log_probs in zip(batch, found, strict=True):
                piece.words, piece.waveform = self._words(log_probs), None

    def _words(self, log_probs: Any) -> Sequence[RecognizedWord]:  # noqa: ANN401 - an array
        best: Hypothesis = self._recognizer.hypotheses_of(log_probs)[0]
        if self._recognizer.decoder.confidence is not None:
            return best.words
        # What is not calibrated is no probability.
        return [_Word(word.text, word.start_s, word.end_s, None) for word in best.words]

    def _transcript(
        self, recording: Input, channels: Sequence[_Piece], warnings: Sequence[str], error: str | None
    ) -> TimedTranscript:
        if error is not None:
            return TimedTranscript(recording.source, 0.0, warnings=tuple(warnings), error=error, recognizer=self.facts)
        duration_s = max(piece.num_samples for piece in channels) / self._recognizer.sampling_rate
        return TimedTranscript.from_channels(
            recording.source,
            duration_s,
            [piece.words for piece in channels],
            warnings=warnings,
            recognizer=self.facts,
        )


BATCH_SIZE = 8
BATCH_S = 60.0
"""Recordings, and seconds with their padding, that go through the network together."""


def _batches(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces of similar lengths, the longest first."""
    batch: list[_Piece] = []
    for piece in sorted(pieces, key=lambda piece: -piece.num_samples):
        limit = BATCH_S * 16_000
        if batch and (len(batch) == BATCH_SIZE or (len(batch) + 1) * batch[0].num_samples > limit):
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch


def _checked(blocks: Iterable[Any], check: Check) -> Iterator[Any]:
    for block in blocks:
        check()
        yield block


def _counted(blocks: Iterable[Any], piece: _Piece) -> Iterator[Any]:
    for block in blocks:
        piece.num_samples += len(block)
        yield block


def _opened(recording: Input, limits: DownloadLimits) -> Source:
    if recording.source == STANDARD_INPUT:
        return open_source(sys.stdin.buffer)
    if recording.is_file:
        return open_source(recording.source)
    download = Download(recording.source, max_bytes=limits.max_bytes, max_s=limits.max_s)
    try:
        return open_source(download)
    finally:
        download.close()


def _description(facts: RecognizerFacts, num_grids: int) -> str:
    grids = "1 frame grid" if num_grids == 1 else f"{num_grids} frame grids"
    decoding = f"language model {facts.language_model}" if facts.language_model else "greedy decoding"
    return f"model {facts.model}, {decoding}, {facts.runtime}, {grids}"


def load_recognition(options: RecognitionOptions) -> Recognition:
    """Load model and decoder.

    Raises:
        FileNotFoundError: If a file of the model or of the language model is missing.
        ImportError: If a package is missing.
        ValueError: If an option is wrong.
    """
    from importlib.metadata import version

    from ..runtime.export import locate_model
    from ..runtime.model_files import ModelFiles

    folder = locate_model(options.model)
    language_model = options.language_model
    if language_model is None and ModelFiles(folder).language_model is not None:
        language_model = "own"
    elif language_model == "none":
        language_model = None
    recognizer = OnnxRecognizer(
        folder,
        num_threads=options.num_threads,
        num_offsets=options.num_offsets,
        language_model=language_model,
        hotwords=options.hotwords or (),
    )
    facts = RecognizerFacts(options.model, language_model, f"onnxruntime {version('onnxruntime')}", __version__)
    return LightRecognition(recognizer, options, facts)

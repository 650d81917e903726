"""What recognises the recordings of a command, and how it is told what to do."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from .. import __version__
from ..audio.channels import Channels
from ..audio.findings import OnDamage
from ..audio.sources import Source, open_source
from ..bundled import BUNDLED
from ..formats.transcript import RecognizerFacts, TimedTranscript
from .inputs import STANDARD_INPUT, Input
from .jobs import Check

if TYPE_CHECKING:
    from ..audio.download import Download

__all__ = [
    "REFUSED",
    "DownloadLimits",
    "Recognition",
    "RecognitionOptions",
    "SpokenWord",
    "description",
    "facts_of",
    "opened",
    "problem_of",
    "stream_of",
]

REFUSED = (ValueError, OSError, ImportError)
"""What is raised for one recording that cannot be used."""

_DISTRIBUTIONS = {"native": "hf-bigru-asr", "onnx": "onnxruntime", "openvino": "openvino", "torch": "torch"}


@dataclass(frozen=True)
class DownloadLimits:
    """What is downloaded from an address at the most.

    Args:
        max_bytes: Its size.
        max_s: The time that it takes.
    """

    max_bytes: int = 2_000_000_000
    max_s: float = 1800.0


@dataclass(frozen=True)
class RecognitionOptions:
    """What runs, and how.

    Args:
        model: Folder, name on the Hub, or `"bundled"`.
        runtime: `"native"`, `"onnx"`, `"openvino"` or `"torch"`.
        language_model: Folder of a language model, `"own"`, `"none"`, or `None` for the model's own if it has one.
        hotwords: Phrases, see [`parse_hotwords`].
        preset: Settings that come with the language model; the accurate ones if `None`.
        grammar: File of a grammar; nothing else is recognised then.
        min_confidence: What phrases of a grammar need; the grammar's own threshold if `None`.
        num_offsets: Frame grids; those that the model's files say if `None`.
        num_threads: Threads of the network; the runtime's own choice if `None`.
        num_jobs: Groups of recordings that run at once.
        num_workers: Processes that decode with the language model beside the network, where that pays and is possible;
            none if 0.
        channels: As in [`load_audio`].
        on_damage: As in [`load_audio`].
        limits: Of downloads.
        language: That which the model must have; any if `None`.
        dtype: Number format of the network, `"float32"`, `"bfloat16"` or `"int8"`; the runtime's own if `None`.
    """

    model: str = BUNDLED
    runtime: str = "onnx"
    language_model: str | None = None
    hotwords: tuple[str, ...] = ()
    preset: str | None = None
    grammar: Path | None = None
    min_confidence: float | None = None
    num_offsets: int | None = None
    num_threads: int | None = None
    num_jobs: int = 1
    num_workers: int = 0
    channels: Channels = "mix"
    on_damage: OnDamage = "error"
    limits: DownloadLimits = DownloadLimits()
    language: str | None = None
    dtype: str | None = None


@dataclass(frozen=True)
class SpokenWord:
    """A word as [`RecognizedWord`][hf_bigru_asr.formats.transcript.RecognizedWord] describes it."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None


class Recognition(Protocol):
    """Makes transcripts; used in a `with` block. Several threads may call it at once."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def __call__(self, recordings: Sequence[Input], check: Check) -> Iterator[TimedTranscript]:
        """Transcripts of some recordings, in order, with an error where one cannot be used.

        Args:
            recordings: Those that run together.
            check: Called now and then.
        """

    def describe(self) -> str:
        """What runs, for people."""


def facts_of(options: RecognitionOptions, language_model: str | None) -> RecognizerFacts:
    """What transcripts say of what made them.

    Args:
        options: What runs.
        language_model: The one that is used, if one is.
    """
    name = _DISTRIBUTIONS[options.runtime]
    return RecognizerFacts(options.model, language_model, f"{name} {version(name)}", __version__)


def description(options: RecognitionOptions, facts: RecognizerFacts, num_grids: int) -> str:
    """What runs, for people.

    Args:
        options: What was asked for.
        facts: What runs.
        num_grids: Frame grids.
    """
    if options.grammar is not None:
        decoding = f"grammar {options.grammar}"
    elif facts.language_model is not None:
        decoding = f"language model {facts.language_model}" + (f" ({options.preset})" if options.preset else "")
    else:
        decoding = "no language model"
    num_hotwords = len(options.hotwords)
    hotwords = f", {num_hotwords} {'hotword' if num_hotwords == 1 else 'hotwords'}" if num_hotwords else ""
    grids = "1 frame grid" if num_grids == 1 else f"{num_grids} frame grids"
    dtype = f" in {options.dtype}" if options.dtype else ""
    return f"model {facts.model}, {decoding}{hotwords}, {facts.runtime}{dtype}, {grids}"


def problem_of(recording: Input, error: str) -> str:
    """What is wrong with a recording, in the words of the command line and without its name.

    Args:
        recording: What cannot be used.
        error: The message of the package.
    """
    names = (f"audio file {recording.source!r}", "open file '<stdin>'", "open file 'BytesIO'")
    for start in (f"{name}: " for name in (recording.source, *names)):
        error = error.removeprefix(start)
    return error.replace('on_damage="warn"', "--on-damage warn").replace("fewer num_workers", "fewer --jobs")


def stream_of(recording: Input, limits: DownloadLimits) -> "str | BinaryIO | Download":
    """What the audio of a recording is read from: a path, or a stream that is read once.

    Raises:
        AudioError: If it is an address that is not fetched.
    """
    if recording.opener is not None:
        return recording.opener()
    if recording.source == STANDARD_INPUT:
        return sys.stdin.buffer
    if recording.is_file:
        return recording.source
    from ..audio.download import Download  # here, because the modules of the network take long to import

    return Download(recording.source, max_bytes=limits.max_bytes, max_s=limits.max_s)


def opened(recording: Input, limits: DownloadLimits) -> Source:
    """The bytes of a recording, all of which are here then.

    Raises:
        AudioError: If it cannot be opened or fetched.
        FileNotFoundError: If there is no such file.
    """
    stream = stream_of(recording, limits)
    if isinstance(stream, str) or stream is sys.stdin.buffer:
        return open_source(stream)
    with closing(stream):
        return open_source(stream)

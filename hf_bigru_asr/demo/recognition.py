"""Transcribes a recording while somebody watches: progress, words as they are found, and a stop at any time."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from ..audio.findings import AudioError
from ..audio.loading import iterate_audio
from ..audio.sound_files import audio_duration_s
from ..bundled import BUNDLED
from ..model.beam_search_bigru_ctc import BeamSearchDecoder
from ..model.decoding_bigru_ctc import Decoder, Hypothesis
from ..runtime.decoding import choose_language_model, load_decoder
from ..runtime.export import locate_model
from ..runtime.hotwords import parse_hotwords
from ..runtime.layer_runners import Direction, LayerRunner
from ..runtime.log_mel import FloatArray
from ..runtime.long_audio import log_probs_in_pieces, read_before
from ..runtime.model_files import ModelFiles
from ..runtime.parts import cut_in_parts, decode_part, join_parts
from ..runtime.recognizer import OnnxRecognizer
from ..runtime.resampling import resample
from ..text.languages import Normalizer

__all__ = ["DemoRecognizer", "Progress", "Stage", "Stopped", "Transcription"]

NBEST = 5
WAIT_S = 0.2
"""How often those who watch hear something at the most."""

Stage = Literal["reading", "network", "words"]
Check = Callable[[], None]


class Stopped(Exception):  # noqa: N818 - it is no error
    """Somebody asked for an end."""


@dataclass(frozen=True)
class Progress:
    """How far a transcription is.

    Args:
        stage: Reading the file, running the network, or decoding words.
        fraction: Share of the stage that is done; `None` if nobody knows the length.
        text: Words that were found so far.
    """

    stage: Stage
    fraction: float | None
    text: str = ""


@dataclass(frozen=True)
class Transcription:
    """What was found in a recording.

    Args:
        name: Of the recording, for people.
        duration_s: Its length.
        peak: Largest magnitude of its samples, from 0 to 1.
        hypotheses: The best one first; greedy decoding has one.
        greedy: Of the same output of the network, decoded greedily.
        has_language_model: Whether the hypotheses are those of a beam search.
        audio: The recording as WAV at the rate of the model.
        taken_s: How long it took.
        warnings: What was odd about it, or damaged.
    """

    name: str
    duration_s: float
    peak: float
    hypotheses: list[Hypothesis] = field(repr=False)
    greedy: Hypothesis = field(repr=False)
    has_language_model: bool
    audio: Path
    taken_s: float
    warnings: tuple[str, ...] = ()

    @property
    def best(self) -> Hypothesis:
        """The hypothesis that counts."""
        return self.hypotheses[0]


class DemoRecognizer:
    """A recogniser whose work can be watched and stopped. Threads can share it.

    Args:
        model: As for [`OnnxRecognizer`].
        language_model: Folder of a language model, `"own"` for the model's own, `"none"` for greedy decoding alone;
            `None` takes the model's own if it has one.
        num_threads: Threads of the network; the choice of ONNX Runtime if `None`.

    Raises:
        FileNotFoundError: If a file of the model or of the language model is missing.
        ImportError: If a package is missing.
        ValueError: If a file is broken.
    """

    def __init__(
        self, model: str | Path = BUNDLED, language_model: str | None = None, *, num_threads: int | None = None
    ) -> None:
        folder = locate_model(model)
        files = ModelFiles(folder)
        searched = choose_language_model(files, language_model)
        decoding = {"nbest": NBEST} if searched else None
        self.recognizer = OnnxRecognizer(folder, language_model=searched, decoding=decoding, num_threads=num_threads)
        self.model = str(model)
        self.language_model = searched
        self.greedy = load_decoder(files)

    @property
    def sampling_rate(self) -> int:
        """Of the model, in Hz."""
        return self.recognizer.sampling_rate

    def transcribe(
        self,
        source: Path,
        audio: Path,
        *,
        with_language_model: bool = True,
        hotwords: Iterable[str] = (),
        stop: threading.Event | None = None,
    ) -> Iterator[Progress | Transcription]:
        """Transcribe a recording of any length, in bounded memory.

        The work is done in a thread. It ends soon after this iterator is closed.

        Args:
            source: The recording, in any format that `hf_bigru_asr.audio.load_audio` reads. A damaged one is used as
                far as it goes.
            audio: Gets its samples as WAV at the rate of the model.
            with_language_model: Whether to decode with the language model.
            hotwords: Phrases as [`parse_hotwords`] takes them; they need the language model.
            stop: Set it to end the work.

        Yields:
            Progress, and last the result.

        Raises:
            AudioError: If the recording cannot be used.
            Stopped: If `stop` was set.
            ValueError: If a hotword cannot be spelled, or there are hotwords and no language model.
            OSError: If there is no room on the disk.
        """
        decoder = self._decoder(with_language_model, list(hotwords))
        messages: queue.SimpleQueue[Progress | Transcription | Exception] = queue.SimpleQueue()
        stop = stop or threading.Event()
        work = _Work(self, decoder, source, audio, messages.put, stop)
        thread = threading.Thread(target=work.run, name="demo", daemon=True)
        thread.start()
        try:
            while True:
                message = messages.get()
                if isinstance(message, Exception):
                    raise message
                yield message
                if isinstance(message, Transcription):
                    return
        finally:
            stop.set()
            thread.join()

    def _decoder(self, with_language_model: bool, hotwords: list[str]) -> Decoder:
        decoder = self.recognizer.decoder if with_language_model else self.greedy
        if not hotwords:
            return decoder
        if not isinstance(decoder, BeamSearchDecoder):
            raise ValueError("Hotwords work with the language model: switch it on, or leave them out.")
        return decoder.with_settings(hotwords=parse_hotwords(hotwords, Normalizer.of(decoder.symbols)))


@dataclass
class _Work:
    """One transcription, in its thread."""

    shared: DemoRecognizer
    decoder: Decoder
    source: Path
    audio: Path
    tell: Callable[[Progress | Transcription | Exception], None]
    stop: threading.Event
    _num_samples: int = 0
    _peak: float = 0.0
    _told_s: float = 0.0
    _stage: Stage = "reading"

    def run(self) -> None:
        try:
            self.tell(self._transcription())
        except Exception as error:  # whoever watches raises it
            self.tell(error)

    def _transcription(self) -> Transcription:
        began_s = time.monotonic()
        warnings: list[str] = []
        recognizer = self.shared.recognizer
        symbols, frame_s = recognizer.decoder.symbols, recognizer.decoder.frame_s
        decoder, is_search = self.decoder, isinstance(self.decoder, BeamSearchDecoder)
        if isinstance(decoder, BeamSearchDecoder):
            decoder = decoder.checked(self._check)
        kept: list[FloatArray] = []
        starts_s: list[float] = []
        found: list[list[Hypothesis]] = []
        texts: list[str] = []
        with soundfile.SoundFile(self.audio, "w", recognizer.sampling_rate, 1, "PCM_16") as file:
            warn: Callable[[str], None] = lambda text: warnings.append(_without_path(text, self.source))  # noqa: E731
            pieces = _kept(self._pieces(self._blocks(file, warn)), kept)
            for start_s, part in cut_in_parts(pieces, symbols, frame_s):
                self._check()
                starts_s.append(start_s)
                found.append(decode_part(decoder, part))
                texts.append(found[-1][0].text)
                self._say("words", starts_s[-1] * recognizer.sampling_rate / self._num_samples, texts)
        whole = np.concatenate(kept)
        (greedy,) = decode_part(self.shared.greedy, whole)
        hypotheses = join_parts(zip(starts_s, found, strict=True), NBEST) if is_search else [greedy]
        return Transcription(
            self.source.name,
            self._num_samples / recognizer.sampling_rate,
            self._peak,
            hypotheses,
            greedy,
            is_search,
            self.audio,
            time.monotonic() - began_s,
            tuple(warnings),
        )

    def _blocks(self, file: soundfile.SoundFile, warn: Callable[[str], None]) -> Iterator[FloatArray]:
        """The samples, which are written to the file as they pass."""
        rate = self.shared.sampling_rate
        try:
            num_expected = audio_duration_s(self.source) * rate
        except AudioError:  # what only ffmpeg reads says it later, and what nobody reads is refused below
            num_expected = 0.0
        blocks = iterate_audio(self.source, sampling_rate=rate, resample=resample, on_damage="warn", warn=warn)
        for block in blocks:
            self._check()
            file.write(block)
            self._num_samples += len(block)
            self._peak = max(self._peak, float(np.abs(block).max()))
            self._say("reading", self._num_samples / num_expected if num_expected else None)
            yield block

    def _pieces(self, blocks: Iterator[FloatArray]) -> Iterator[FloatArray]:
        """Log-probabilities `(frames, classes)`, as `OnnxRecognizer.log_probs_of_blocks` gives them."""
        recognizer = self.shared.recognizer
        start: list[FloatArray] = []
        for block in blocks:
            start.append(block)
            if self._num_samples > recognizer.long_s * recognizer.sampling_rate:
                runner = _WatchedRunner(recognizer.layer_runner(), self._after_chunk)
                whole = read_before(start, blocks)
                yield from log_probs_in_pieces(runner, whole, recognizer.feature_settings)
                return
        self._say("network", None)
        yield recognizer.log_probs([np.concatenate(start)])[0]

    def _after_chunk(self, num_passes: int, num_frames: int) -> None:
        """Called with the passes over the whole recording that there are, and the frames of all of them so far."""
        self._check()
        settings = self.shared.recognizer.feature_settings
        total = num_passes * settings.num_offsets * settings.num_frames(self._num_samples)
        self._say("network", num_frames / total)

    def _check(self) -> None:
        if self.stop.is_set():
            raise Stopped

    def _say(self, stage: Stage, fraction: float | None, texts: list[str] | None = None) -> None:
        now_s = time.monotonic()
        if stage != self._stage or now_s - self._told_s >= WAIT_S:
            self._stage, self._told_s = stage, now_s
            text = " ".join(filter(None, texts or ()))
            self.tell(Progress(stage, None if fraction is None else min(fraction, 1.0), text))


def _without_path(warning: str, source: Path) -> str:
    """A warning that does not name the file, which has another path for the user."""
    return warning.replace(f"audio file {str(source)!r}: ", "The recording ")


def _kept(pieces: Iterable[FloatArray], kept: list[FloatArray]) -> Iterator[FloatArray]:
    for piece in pieces:
        kept.append(piece)
        yield piece


class _WatchedRunner:
    """A [`LayerRunner`] that tells how much it has done, and can be stopped by an exception."""

    def __init__(self, runner: LayerRunner, after_chunk: Callable[[int, int], None]) -> None:
        self._runner, self._after_chunk = runner, after_chunk
        self.num_layers, self.hidden_size, self.same_state = runner.num_layers, runner.hidden_size, runner.same_state
        self.silence = runner.silence
        self._num_frames = 0

    def __call__(
        self, layer: int, direction: Direction, inputs: FloatArray, states: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        self._num_frames += inputs.shape[0] * inputs.shape[1]
        self._after_chunk(2 * self.num_layers, self._num_frames)
        return self._runner(layer, direction, inputs, states)

    def log_probs(self, hidden_states: FloatArray) -> FloatArray:
        return self._runner.log_probs(hidden_states)

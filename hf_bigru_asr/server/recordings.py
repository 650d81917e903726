"""One recording on its way through a server: read, through the network, decoded."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..audio.findings import OnDamage
from ..audio.loading import iterate_audio
from ..audio.sources import Source
from ..formats.transcript import TimedTranscript, TimedWord
from ..model.beam_search_bigru_ctc import BeamSearchDecoder
from ..model.decoding_bigru_ctc import Hypothesis
from ..runtime.decoding_pool import BeamSearchPool
from ..runtime.layer_runners import CheckedRunner
from ..runtime.log_mel import FloatArray
from ..runtime.long_audio import log_probs_in_pieces, read_before
from ..runtime.parts import decoded_parts
from ..runtime.recognizer import OnnxRecognizer
from ..runtime.resampling import resample
from ..text.languages import Normalizer
from .refusals import AudioTooLongError

__all__ = ["BATCHED_S", "Job", "Recording", "RecordingSteps", "StoppedError"]

BATCHED_S = 30.0
"""Longer recordings gain nothing from sharing a run of the network, and are not kept in memory while they wait."""

Listener = Callable[[tuple[TimedWord, ...]], None]
"""Gets the words of every part of a recording as soon as they are sure, in a thread of the engine."""


class StoppedError(BaseException):
    """Nobody waits for a transcript any more; like `KeyboardInterrupt` it passes `except Exception`."""


@dataclass(frozen=True)
class Recording:
    """What is to be transcribed.

    Args:
        source: The bytes.
        hotwords: Weights by phrase, see [`parse_hotwords`][hf_bigru_asr.runtime.hotwords.parse_hotwords].
        listener: Gets the words of every part.
    """

    source: Source
    hotwords: Mapping[str, float] = field(default_factory=dict)
    listener: Listener | None = None


class Job:
    """A recording that waits or runs.

    Args:
        number: Its place in the order of arrival.
        recording: What is to be transcribed.

    Attributes:
        future: Gets the transcript, or the exception.
    """

    def __init__(self, number: int, recording: Recording) -> None:
        self.number, self.recording = number, recording
        self.future: Future[TimedTranscript] = Future()
        self.warnings: list[str] = []
        self.num_samples = 0
        self.waveform: FloatArray | None = None
        self.log_probs: FloatArray | None = None
        self.start: list[FloatArray] = []
        self.rest: Iterator[FloatArray] = iter(())
        self._stopped = threading.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether nobody waits for it."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Let it end as soon as it can; its work is worth nothing any more."""
        self._stopped.set()
        self.future.cancel()

    def check(self) -> None:
        """Raise `StoppedError` if nobody waits for it."""
        if self._stopped.is_set():
            raise StoppedError

    def finish(self, result: TimedTranscript | BaseException) -> None:
        """Give the transcript, or why there is none, to those who wait; what it held is free."""
        self.waveform = self.log_probs = None
        self.start, self.rest = [], iter(())
        with suppress(InvalidStateError):  # it was stopped
            if isinstance(result, BaseException):
                self.future.set_exception(result)
            else:
                self.future.set_result(result)


class RecordingSteps:
    """What is done with recordings, step by step. Several threads may call it at once.

    Args:
        recognizer: Network and decoder.
        max_audio_s: Length of the longest recording.
        on_damage: As in [`load_audio`][hf_bigru_asr.audio.loading.load_audio].
        pool: Processes that decode as `recognizer` does; its own decoder does it if `None`.
    """

    def __init__(
        self,
        recognizer: OnnxRecognizer,
        *,
        max_audio_s: float = float("inf"),
        on_damage: OnDamage = "error",
        pool: BeamSearchPool | None = None,
    ) -> None:
        self._recognizer, self._pool = recognizer, pool
        self._max_audio_s, self._on_damage = max_audio_s, on_damage

    @property
    def takes_hotwords(self) -> bool:
        """Whether there is a language model, which they need."""
        return isinstance(self._recognizer.decoder, BeamSearchDecoder)

    @cached_property
    def normalize(self) -> Normalizer:
        """The rules of the model, which name its language."""
        return Normalizer.of(self._recognizer.decoder.symbols)

    @property
    def rate_hz(self) -> int:
        """Sampling rate of waveforms."""
        return self._recognizer.sampling_rate

    @property
    def max_batch_samples(self) -> int:
        """Samples, padding counted, that run together at the most."""
        return self._recognizer.max_batch_samples

    def read(self, job: Job) -> bool:
        """Read a short recording whole, and of others the beginning.

        Returns:
            Whether it is short: its `waveform` is there.

        Raises:
            AudioError: If it cannot be used.
            AudioTooLongError: If it is longer than the limit.
        """
        blocks = iterate_audio(
            job.recording.source,
            sampling_rate=self.rate_hz,
            resample=resample,
            on_damage=self._on_damage,
            warn=job.warnings.append,
        )
        job.rest = self._counted(blocks, job)
        for block in job.rest:
            job.start.append(block)
            if job.num_samples > BATCHED_S * self.rate_hz:
                return False
        job.waveform, job.start = np.concatenate(job.start), []
        return True

    def score(self, jobs: list[Job]) -> None:
        """Run short recordings through the network together; each gets its `log_probs`, whatever the others are.

        Raises:
            ValueError: If one of them cannot be used.
        """
        waveforms = [job.waveform for job in jobs if job.waveform is not None]
        for job, log_probs in zip(jobs, self._recognizer.log_probs(waveforms), strict=True):
            job.log_probs, job.waveform = log_probs, None

    def decode(self, job: Job) -> TimedTranscript:
        """The transcript of a short recording that has been scored."""
        assert job.log_probs is not None
        return self._transcript(job, [job.log_probs])

    def transcribe_rest(self, job: Job) -> TimedTranscript:
        """The transcript of a recording that is not short, of which the beginning has been read.

        Raises:
            AudioError: If it cannot be used.
            AudioTooLongError: If it is longer than the limit.
            OSError: If there is no room for the temporary files of a long one.
        """
        longest = self._recognizer.long_s * self.rate_hz
        for block in job.rest:
            job.start.append(block)
            if job.num_samples > longest:
                runner = CheckedRunner(self._recognizer.layer_runner(), job.check)
                whole = read_before(job.start, job.rest)
                pieces = log_probs_in_pieces(runner, whole, self._recognizer.feature_settings)
                return self._transcript(job, pieces)
        waveform, job.start = np.concatenate(job.start), []
        return self._transcript(job, self._recognizer.log_probs([waveform]))

    def _counted(self, blocks: Iterable[FloatArray], job: Job) -> Iterator[FloatArray]:
        for block in blocks:
            job.check()
            job.num_samples += len(block)
            if job.num_samples > self._max_audio_s * self.rate_hz:
                raise AudioTooLongError(
                    f"The recording lasts longer than {self._max_audio_s:g} s; send it in shorter ones, cut in pauses."
                )
            yield block

    def _transcript(self, job: Job, pieces: Iterable[FloatArray]) -> TimedTranscript:
        is_calibrated = self._recognizer.decoder.confidence is not None
        words: list[TimedWord] = []
        for start_s, hypotheses in self._decoded_parts(job, pieces):
            job.check()
            # What is not calibrated is no probability.
            found = tuple(
                TimedWord(
                    word.text,
                    start_s + word.start_s,
                    start_s + word.end_s,
                    word.confidence if is_calibrated else None,
                )
                for word in hypotheses[0].words
            )
            words += found
            if found and job.recording.listener is not None:
                job.recording.listener(found)
        warnings = tuple(dict.fromkeys(job.warnings))
        duration_s = job.num_samples / self.rate_hz
        return TimedTranscript(job.recording.source.name, duration_s, tuple(words), warnings=warnings)

    def _decoded_parts(self, job: Job, pieces: Iterable[FloatArray]) -> Iterator[tuple[float, list[Hypothesis]]]:
        decoder = self._recognizer.decoder
        if isinstance(decoder, BeamSearchDecoder):
            changes: dict[str, Any] = {}
            if job.recording.hotwords:
                changes["hotwords"] = dict(decoder.settings.hotwords) | dict(job.recording.hotwords)
            if self._pool is not None:
                return self._pool.decoded_parts(pieces, replace(decoder.settings, **changes), job.check)
            decoder = (decoder.with_settings(**changes) if changes else decoder).checked(job.check)
        return decoded_parts(decoder, pieces, decoder.symbols, decoder.frame_s)

"""Recognises many recordings: reading, network and decoding overlap, and recordings of similar length run together.

Threads read files and compute features ahead of the network, up to a limit in seconds of audio. The network takes
the recordings of a window sorted by length, so that little of a batch is padding. Several batches of similar work run
side by side (`backends.threads`). Decoding overlaps with the network; beam search can have processes of its own.
A recording that is too long for a batch is read again, block by block, and goes through the network in chunks
(`long_audio`). Results come back in the order of the files.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from ..audio.channels import Channels
from ..audio.findings import OnDamage
from ..backends.threads import NetworkThreads
from ..model.decoding_bigru_ctc import Decoder, Hypothesis
from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.found_path_bigru_ctc import Check, no_check
from ..model.tokenization_bigru_ctc import BiGRUCTCTokenizer
from ..runtime.decoding_pool import LazyHypotheses, PendingHypotheses, start_decoding
from .network import LONG_S, AudioSource, LogProbs, Network, Recording
from .read_ahead import read_ahead

__all__ = ["BATCH_S", "BATCH_SIZE", "LONG_S", "BatchRecognizer", "Recognition"]

BATCH_SIZE = 16
BATCH_S = 120.0
SIDE_BY_SIDE = 4
"""Most batches that run side by side."""
FIRST_WINDOW, LARGEST_WINDOW = 2, 16
"""Batches in the windows within which recordings are sorted by length.

The first window is small, so that results come soon. Each further one is twice as large, so that less is padding.
Threads prefetch as many recordings as the largest window has.
"""


@dataclass(frozen=True)
class Recognition:
    """The hypotheses for one recording, or why it could not be used.

    Args:
        source: The recording, as it was given.
        duration_s: Its length; 0 if there is an error.
        hypotheses: The best one first; none if there is an error.
        error: What is wrong with the recording, if anything.
        warnings: What was odd about it, or damaged.
    """

    source: AudioSource
    duration_s: float = 0.0
    hypotheses: list[Hypothesis] = field(default_factory=list)
    error: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Work:
    """A recording that is being decoded, or its error."""

    source: AudioSource
    duration_s: float = 0.0
    error: str | None = None
    hypotheses: PendingHypotheses | LazyHypotheses | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        return self.hypotheses is None or self.hypotheses.is_done

    def result(self) -> Recognition:
        hypotheses = [] if self.hypotheses is None else self.hypotheses.result()
        return Recognition(self.source, self.duration_s, hypotheses, self.error, self.warnings)


@dataclass(frozen=True)
class _Window:
    """Recordings whose batches run, each batch with their places and their pending log-probabilities."""

    recordings: list[Recording]
    runs: "list[tuple[list[int], Future[list[torch.Tensor]]]]"


@dataclass(frozen=True)
class BatchRecognizer:
    """Model, features and decoder as one, for many recordings.

    Args:
        model: A torch model or one of another backend, in evaluation mode, called as [`BiGRUForCTC`] is.
        feature_extractor: Computes its features.
        tokenizer: Gives the characters of its classes.
        decoder: Makes hypotheses of log-probabilities; a [`BeamSearchPool`] does it beside the network.
        batch_size: Most recordings that run together.
        batch_s: Most seconds of audio in a batch, padding and every grid of frames counted. Up to `SIDE_BY_SIDE`
            batches run side by side, one for every thread of the network.
        num_workers: Threads that read files and compute features.
        long_s: What is longer goes through the network in chunks.
        channels: Which channels of files are taken, see [`Network`].
        on_damage: What becomes of damaged files, see [`Network`].
        check: Called now and then; what it raises ends the work.

    Raises:
        ValueError: If a number is not positive.
    """

    model: Any
    feature_extractor: BiGRUCTCFeatureExtractor
    tokenizer: BiGRUCTCTokenizer
    decoder: Decoder
    batch_size: int = BATCH_SIZE
    batch_s: float = BATCH_S
    num_workers: int = 1
    long_s: float = LONG_S
    channels: Channels = "mix"
    on_damage: OnDamage = "error"
    check: Check = no_check

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("batch_size", "batch_s", "num_workers", "long_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive.")

    @cached_property
    def network(self) -> Network:
        """The model and its features."""
        return Network(
            self.model,
            self.feature_extractor,
            self.long_s,
            channels=self.channels,
            on_damage=self.on_damage,
            check=self.check,
        )

    @property
    def _audio_s(self) -> float:
        """Most seconds of recordings in a batch."""
        return self.batch_s / getattr(self.feature_extractor, "num_offsets", 1)

    def recognize(self, sources: Iterable[AudioSource]) -> Iterator[Recognition]:
        """Recognise recordings.

        Args:
            sources: Files or samples, see [`AudioSource`]; taken in a thread, as they are needed.

        Yields:
            One [`Recognition`] for each, in order. The first ones come when two windows of recordings have been read,
            or all. A long recording runs when it is its turn.
        """
        running: deque[_Window] = deque()
        waiting: deque[_Work] = deque()
        recordings = read_ahead(
            sources,
            self._read,
            num_workers=self.num_workers,
            size=lambda recording: max(recording.duration_s, 1.0),
            limit=LARGEST_WINDOW * self._audio_s,
        )
        with NetworkThreads(self.model, SIDE_BY_SIDE) as threads, closing(recordings):  # type: ignore[type-var] # a generator
            for window in _windows(recordings, self._audio_s, self.batch_size):
                # The network has the next window before the results of the last one are taken, so it seldom waits.
                running.append(self._start(window, threads))
                if len(running) == 1:
                    continue
                # Decoding of the last window goes on beside the network, that of the ones before it has to end.
                while len(waiting) > LARGEST_WINDOW * self.batch_size:
                    yield waiting.popleft().result()
                yield from self._finish(running.popleft(), waiting)
            while running:
                yield from self._finish(running.popleft(), waiting)
        while waiting:
            yield waiting.popleft().result()

    def _read(self, source: AudioSource) -> Recording:
        """Read one file and compute its features, in a thread."""
        # Torch would start threads for each of these threads, which get into each other's way and the network's.
        if torch.get_num_threads() != 1:
            torch.set_num_threads(1)
        return self.network.read(source)

    def _start(self, recordings: list[Recording], threads: NetworkThreads) -> _Window:
        """Hand the recordings of a window to the network."""
        lengths = {
            index: len(recording.features)
            for index, recording in enumerate(recordings)
            if recording.features is not None
        }
        # Every grid of frames is a row of the network's batch.
        max_frames = self._audio_s / self.network.frame_s
        batches = _batches_of_like_work(lengths, self.batch_size, max_frames, threads.num_batches)
        runs = threads.submit(
            lambda model, batch: self.network.run_batch(batch, model),
            [[recordings[index] for index in batch] for batch in batches],
        )
        return _Window(recordings, list(zip(batches, runs, strict=True)))

    def _finish(self, window: _Window, waiting: deque[_Work]) -> Iterator[Recognition]:
        """Take a window from the network, start its decoding, and give what is done.

        Args:
            window: Its short recordings start first, each long one when it is its turn.
            waiting: What is being decoded; the recordings of the window are put at its end.
        """
        for work in self._works(window):
            waiting.append(work)
            # Long recordings may have more than windows have, so the seconds that wait are limited, too.
            while waiting and (
                waiting[0].is_done or sum(each.duration_s for each in waiting) > 2 * LARGEST_WINDOW * self._audio_s
            ):
                yield waiting.popleft().result()

    def _works(self, window: _Window) -> Iterator[_Work]:
        works: dict[int, _Work] = {}
        for batch, run in window.runs:
            for index, log_probs in zip(batch, run.result(), strict=True):
                recording = window.recordings[index]
                works[index] = self._decode(
                    recording.source, LogProbs(log_probs, recording.duration_s, warnings=recording.warnings)
                )
        for index, recording in enumerate(window.recordings):
            if index in works:
                yield works[index]
            elif recording.error is not None:
                yield _Work(recording.source, error=str(recording.error))
            else:
                yield self._decode(recording.source, self.network.run_long(recording))

    def _decode(self, source: AudioSource, log_probs: LogProbs) -> _Work:
        if log_probs.error is not None:
            return _Work(source, error=str(log_probs.error))
        hypotheses = start_decoding(self.decoder, log_probs.values, self.tokenizer, self.network.frame_s)
        return _Work(source, log_probs.duration_s, hypotheses=hypotheses, warnings=log_probs.warnings)


def _windows(recordings: Iterable[Recording], batch_s: float, batch_size: int) -> Iterator[list[Recording]]:
    """Successive recordings, as many as fill the batches of a window in seconds or in number."""
    num_batches = FIRST_WINDOW
    window: list[Recording] = []
    duration_s = 0.0
    for recording in recordings:
        window.append(recording)
        duration_s += recording.duration_s
        if len(window) == num_batches * batch_size or duration_s >= num_batches * batch_s:
            yield window
            window, duration_s = [], 0.0
            num_batches = min(2 * num_batches, LARGEST_WINDOW)
    if window:
        yield window


def _batches_of_like_work(
    lengths: dict[int, int], batch_size: int, batch_frames: float, multiple_of: int
) -> list[list[int]]:
    """Keys of `lengths` in batches of similar work, their number rounded up to a multiple of `multiple_of`.

    With batches of different work one thread would finish long before another, and wait.
    """
    batches = list(_batches(lengths, batch_size, batch_frames))
    if len(batches) < 2:
        return batches
    num_batches = -(-len(batches) // multiple_of) * multiple_of
    # The smallest limit on the work of a batch that does not need more batches than these.
    limits = range(1, max(int(batch_frames), 1))
    least = 1 + bisect_left(
        limits, True, key=lambda limit: len(list(_batches(lengths, batch_size, limit))) <= num_batches
    )
    return list(_batches(lengths, batch_size, least))


def _batches(lengths: dict[int, int], batch_size: int, batch_frames: float) -> Iterator[list[int]]:
    """Keys of `lengths` in batches of similar length, the longest first, padding counted in `batch_frames`."""
    batch: list[int] = []
    for key in sorted(lengths, key=lambda key: -lengths[key]):
        if batch and (len(batch) == batch_size or (len(batch) + 1) * lengths[batch[0]] > batch_frames):
            yield batch
            batch = []
        batch.append(key)
    if batch:
        yield batch

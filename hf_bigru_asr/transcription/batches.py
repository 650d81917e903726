"""Recognises many recordings: reading, network and decoding overlap, and utterances of like length run together.

Threads read files and compute features ahead of the network; what they hold ready is limited in seconds of audio. The
network takes the recordings of a window sorted by length, so that little of a batch is padding, and several batches of
like work side by side (`network_threads`). Results come back in the order of the files. Decoding goes on meanwhile,
beam search in processes of its own if it may. A recording that is too long for a batch is read again, block by block,
and goes through the network in chunks (`long_audio`).
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from ..audio.loading import iterate_audio
from ..backends.threads import NetworkThreads
from ..long_audio.layer_runners import LayerRunner, runner_of, shows_layers
from ..long_audio.network import log_probs_of_long_audio
from ..model.decoding_bigru_ctc import Decoder, Hypothesis
from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.tokenization_bigru_ctc import BiGRUCTCTokenizer
from .decoding_pool import ReadingsOnDemand, ReadingsToCome, begin_to_decode
from .read_ahead import read_ahead

__all__ = ["BatchRecognizer", "Recognition"]

BATCH_SIZE = 16
BATCH_S = 120.0
LONG_S = 120.0
READ_AHEAD_S = 60.0
"""What is read of a long recording while features of the part before are computed."""
SIDE_BY_SIDE = 4
"""Batches that run side by side, at the most."""
FIRST_WINDOW, LARGEST_WINDOW = 2, 16
"""Batches of the windows within which recordings are sorted: the first one is small, so that results come soon, and
every further one twice as large, so that little is padding. Threads hold as many ready as the largest has."""


@dataclass(frozen=True)
class Recognition:
    """What was recognised in one recording, or why it could not be used.

    Args:
        source: The recording, as it was given.
        duration_s: Its length; 0 if there is an error.
        hypotheses: Its readings, the best one first; none if there is an error.
        error: What is wrong with the recording, if something is.
    """

    source: str | Path
    duration_s: float = 0.0
    hypotheses: list[Hypothesis] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True)
class _Recording:
    """What a thread made of a file: features `(frames, mels)`, an error, or neither, if it is too long for a batch.

    Then `duration_s` is what has been read of it.
    """

    source: str | Path
    duration_s: float = 0.0
    features: torch.Tensor | None = None
    error: str | None = None


@dataclass(frozen=True)
class _Work:
    """A recording on its way to its readings, of which there are none if there is an error."""

    source: str | Path
    duration_s: float = 0.0
    error: str | None = None
    readings: ReadingsToCome | ReadingsOnDemand | None = None

    @property
    def is_done(self) -> bool:
        return self.readings is None or self.readings.is_done

    def result(self) -> Recognition:
        hypotheses = [] if self.readings is None else self.readings.result()
        return Recognition(self.source, self.duration_s, hypotheses, self.error)


@dataclass(frozen=True)
class _Window:
    """Recordings whose batches run, each batch with their places and their log-probabilities to come."""

    recordings: list[_Recording]
    runs: "list[tuple[list[int], Future[list[torch.Tensor]]]]"


@dataclass(frozen=True)
class BatchRecognizer:
    """Model, features and decoder as one, for many recordings.

    Args:
        model: A torch model or one of another runtime, in evaluation mode, called as [`BiGRUForCTC`] is.
        feature_extractor: Computes its features.
        tokenizer: Gives the characters of its classes.
        decoder: Makes readings of log-probabilities; a [`BeamSearchPool`] does it beside the network.
        batch_size: Recordings that run together, at the most.
        batch_s: Seconds of audio in a batch, padding and every grid of frames counted. Up to `SIDE_BY_SIDE` batches
            run side by side, one for every thread of the network.
        num_workers: Threads that read files and compute features.
        long_s: What is longer goes through the network in chunks.

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

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("batch_size", "batch_s", "num_workers", "long_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive.")

    @cached_property
    def _runner(self) -> LayerRunner | None:
        return runner_of(self.model)

    @property
    def _audio_s(self) -> float:
        """Seconds of recordings in a batch, at the most."""
        return self.batch_s / getattr(self.feature_extractor, "num_offsets", 1)

    @property
    def frame_s(self) -> float:
        """Seconds per frame."""
        return self.feature_extractor.hop_length / self.feature_extractor.sampling_rate

    def recognize(self, sources: Iterable[str | Path]) -> Iterator[Recognition]:
        """Recognise recordings.

        Args:
            sources: Files in any format that [`load_audio`] reads; taken in a thread, as they are needed.

        Yields:
            One [`Recognition`] for each, in order; the first ones when two windows of recordings have been read, or
            all. A long recording runs when it is its turn.
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
        with NetworkThreads(self.model, SIDE_BY_SIDE) as network, closing(recordings):  # type: ignore[type-var] # a generator
            for window in _windows(recordings, self._audio_s, self.batch_size):
                # The network has the next window before the results of the last one are taken, so it seldom waits.
                running.append(self._begin(window, network))
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

    def _read(self, source: str | Path) -> _Recording:
        """Read one file and compute its features, in a thread."""
        # Torch would start threads for each of these threads, which get into each other's way and the network's.
        if torch.get_num_threads() != 1:
            torch.set_num_threads(1)
        rate = self.feature_extractor.sampling_rate
        is_chunked = shows_layers(self.model)
        blocks: list[np.ndarray] = []
        num_samples = 0
        try:
            with closing(iterate_audio(source, sampling_rate=rate)) as stream:  # type: ignore[type-var] # the same
                for block in stream:
                    blocks.append(block)
                    num_samples += len(block)
                    if is_chunked and num_samples > self.long_s * rate:
                        return _Recording(source, self.long_s)
            waveform = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
            features = self.feature_extractor.extract(torch.from_numpy(waveform))
        except (ValueError, OSError) as error:
            return _Recording(source, error=str(error))
        return _Recording(source, num_samples / rate, features)

    def _begin(self, window: list[_Recording], network: NetworkThreads) -> _Window:
        """Hand a window to the network."""
        lengths = {
            index: len(recording.features) for index, recording in enumerate(window) if recording.features is not None
        }
        # Every grid of frames is a row of the network's batch.
        batches = _batches_of_like_work(lengths, self.batch_size, self._audio_s / self.frame_s, network.num_batches)
        runs = network.submit(self._log_probs, [[window[index] for index in batch] for batch in batches])
        return _Window(window, list(zip(batches, runs, strict=True)))

    def _finish(self, window: _Window, waiting: deque[_Work]) -> Iterator[Recognition]:
        """Take a window from the network, begin to decode, and give what is done.

        Args:
            window: Its short recordings begin first, each long one when it is its turn.
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
        recordings = window.recordings
        works = {
            index: _Work(recording.source, error=recording.error)
            for index, recording in enumerate(recordings)
            if recording.error is not None
        }
        for batch, run in window.runs:
            for index, log_probs in zip(batch, run.result(), strict=True):
                source, duration_s = recordings[index].source, recordings[index].duration_s
                works[index] = _Work(source, duration_s, readings=self._begin_to_decode(log_probs))
        for index, recording in enumerate(recordings):
            yield works[index] if index in works else self._run_long(recording.source)

    @torch.inference_mode()
    def _log_probs(self, model: Any, recordings: list[_Recording]) -> list[torch.Tensor]:  # noqa: ANN401 - see `model`
        """Log-probabilities `(frames, classes)` of each recording of a batch, in a thread."""
        features = [recording.features for recording in recordings if recording.features is not None]
        masks = [torch.ones(len(each), dtype=torch.bool) for each in features]
        # Padding is what the mask says, whatever its value.
        inputs = {"input_features": pad_sequence(features, True), "attention_mask": pad_sequence(masks, True)}
        device = getattr(model, "device", "cpu")
        log_probs = model(**{name: each.to(device) for name, each in inputs.items()}).logits
        rows = torch.as_tensor(log_probs).float().cpu()
        return [row[: len(each)] for row, each in zip(rows, features, strict=True)]

    def _begin_to_decode(self, log_probs: torch.Tensor) -> ReadingsToCome | ReadingsOnDemand:
        return begin_to_decode(self.decoder, log_probs, self.tokenizer, self.frame_s)

    def _run_long(self, source: str | Path) -> _Work:
        """Recognise a recording that is too long for a batch."""
        rate = self.feature_extractor.sampling_rate
        num_samples = 0

        def blocks() -> Iterator[np.ndarray]:
            nonlocal num_samples
            stream = iterate_audio(source, sampling_rate=rate)
            ahead = read_ahead(stream, np.asarray, num_workers=1, size=len, limit=READ_AHEAD_S * rate)
            with closing(ahead):  # type: ignore[type-var] # a generator
                for block in ahead:
                    num_samples += len(block)
                    yield block

        try:
            log_probs = log_probs_of_long_audio(
                self.model, self.feature_extractor, blocks(), sampling_rate=rate, runner=self._runner
            )
        except (ValueError, OSError) as error:
            return _Work(source, error=str(error))
        return _Work(source, num_samples / rate, readings=self._begin_to_decode(log_probs))


def _windows(recordings: Iterable[_Recording], batch_s: float, batch_size: int) -> Iterator[list[_Recording]]:
    """Recordings that follow each other, those of so many seconds or so many recordings for every batch."""
    num_batches = FIRST_WINDOW
    window: list[_Recording] = []
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
    """Keys of `lengths` in as few batches as [`_batches`] makes, or so many more that each thread has as many.

    With batches of unlike work one thread would be done long before another, and wait.
    """
    batches = list(_batches(lengths, batch_size, batch_frames))
    if len(batches) < 2:
        return batches
    num_batches = -(-len(batches) // multiple_of) * multiple_of
    # The least work of the largest batch with which there are no more batches.
    limits = range(1, max(int(batch_frames), 1))
    least = 1 + bisect_left(
        limits, True, key=lambda limit: len(list(_batches(lengths, batch_size, limit))) <= num_batches
    )
    return list(_batches(lengths, batch_size, least))


def _batches(lengths: dict[int, int], batch_size: int, batch_frames: float) -> Iterator[list[int]]:
    """Keys of `lengths` in batches of like length, the longest first, padding counted in `batch_frames`."""
    batch: list[int] = []
    for key in sorted(lengths, key=lambda key: -lengths[key]):
        if batch and (len(batch) == batch_size or (len(batch) + 1) * lengths[batch[0]] > batch_frames):
            yield batch
            batch = []
        batch.append(key)
    if batch:
        yield batch

"""A recording of any length through the network: the result of one pass over the whole, in bounded memory.

A bidirectional layer needs all outputs of the layer below. So the network runs layer by layer, each direction of a
layer in chunks that carry its state. The outputs of a layer lie in a temporary file until the next layer has read
them: with the bundled network 0.69 GB for every hour, and 0.1 GB for every further frame grid. In memory are the
chunks.

One sequence alone leaves most of a processor idle. So a long recording is cut into segments that run side by side.
Segments start from a zero state and are rerun from the true state until both agree within `same_state`; the result
equals one sequential pass.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from threading import Event
from typing import TypeVar

import numpy as np

from ..model.waveforms_bigru_ctc import AudioArray
from .frame_store import Frames, FrameStore
from .layer_runners import Direction, LayerRunner
from .log_mel import LogMelSettings, log_mel_frames
from .long_features import Extract, LongFeatures
from .silence import FrameSource, HeardFrames

__all__ = ["CHUNK_S", "LONG_S", "log_probs_in_pieces", "read_before"]

BlockT = TypeVar("BlockT")

LONG_S = 120.0
"""Recordings longer than this go through the network in chunks, with the result of one pass over the whole."""
CHUNK_S = 1.5
"""Short, so that what a chunk needs stays small and in the cache; shorter ones cost more calls."""
MAX_SEGMENTS = 16
MIN_SEGMENT_FRAMES = 4000
"""Segments this long cost little to rerun at their beginnings: the bundled network forgets in 80 to 2,500 frames."""


def log_probs_in_pieces(
    runner: LayerRunner,
    blocks: Iterable[AudioArray],
    settings: LogMelSettings,
    *,
    extract: Extract = log_mel_frames,
    chunk_s: float = CHUNK_S,
    num_segments: int | None = None,
    num_parallel: int = 2,
) -> Iterator[Frames]:
    """Log-probabilities of a recording of any length, equal to those of the network on the whole within 1e-4.

    Args:
        runner: The network.
        blocks: The samples, in pieces of any lengths, each `(samples,)` or `(channels, samples)`. They are read once.
        settings: Settings of the features; the samples must have their sampling rate.
        extract: Computes the features.
        chunk_s: Length of the chunks. It changes memory and speed, not the result.
        num_segments: Segments of the recording that run side by side; `None` chooses by its length.
        num_parallel: Directions of a layer that run at once, 1 or 2.

    Yields:
        `(frames, classes)` float32, piece by piece; joined they are those of the whole.

    Raises:
        ValueError: If the audio is empty or otherwise unusable, or a length is not positive.
        OSError: If there is no room for the temporary file.
    """
    if not chunk_s > 0:
        raise ValueError(f"chunk_s is {chunk_s}; it must be positive.")
    if num_segments is not None and num_segments < 1:
        raise ValueError(f"num_segments is {num_segments}; it must be at least 1, or None.")
    chunk_frames = max(round(chunk_s / settings.frame_s), 1)
    num_grids, num_mels = settings.num_offsets, settings.feature_size
    with ExitStack() as files:
        # Every frame has its features and the outputs of both directions of two layers, in float32.
        hour_gb = 3600 / settings.frame_s * 4 * (num_grids * num_mels + 4 * runner.hidden_size) / 1e9
        store = files.enter_context(FrameStore(num_grids * num_mels, hour_gb))
        threads = files.enter_context(ThreadPoolExecutor(1)) if num_parallel > 1 else None
        ahead = _read_ahead(blocks, threads) if threads else blocks
        features = LongFeatures.compute(ahead, settings, store, max_frames=chunk_frames, extract=extract)
        # The outputs of a layer, and those of the layer below, which it reads.
        layers = [
            _BothDirections(*(files.enter_context(FrameStore(runner.hidden_size, hour_gb)) for _ in range(2)))
            for _ in range(2)
        ]
        if num_segments is None:
            most = getattr(runner, "max_segments", MAX_SEGMENTS)
            num_segments = min(max(len(features) // MIN_SEGMENT_FRAMES, 1), most)
        layer_pass = _LayerPass(runner, len(features), layers, num_segments, chunk_frames, threads)
        grids = (_log_probs_of_grid(layer_pass, features, grid, num_mels) for grid in range(num_grids))
        if num_grids == 1:
            yield from next(grids)
            return
        yield from _mean_of_grids(grids, num_grids, files, hour_gb)


def read_before(start: list[BlockT], blocks: Iterable[BlockT]) -> Iterator[BlockT]:
    """The samples of a recording of which some blocks have been read already; those are taken out of the list.

    Args:
        start: The first ones.
        blocks: Those that follow.
    """
    while start:
        yield start.pop(0)
    yield from blocks


def _read_ahead(blocks: Iterable[AudioArray], threads: Executor) -> Iterator[AudioArray]:
    """The blocks, each of which is read while the caller works on the one before."""
    remaining = iter(blocks)
    following = threads.submit(next, remaining, None)
    while (block := following.result()) is not None:
        following = threads.submit(next, remaining, None)
        yield block


@dataclass(frozen=True)
class _Grid:
    """The features of one frame grid, of several that stand side by side."""

    features: LongFeatures
    index: int
    width: int

    def read(self, start: int, stop: int, target: Frames) -> None:
        target[:] = self.features.read(start, stop)[:, self.index * self.width : (self.index + 1) * self.width]


@dataclass(frozen=True)
class _BothDirections:
    """The outputs of the two directions of a layer, side by side."""

    ahead: FrameStore
    behind: FrameStore

    @property
    def width(self) -> int:
        return 2 * self.ahead.width

    def read(self, start: int, stop: int, target: Frames) -> None:
        target[:, : self.ahead.width] = self.ahead.read(start, stop)
        target[:, self.ahead.width :] = self.behind.read(start, stop)


@dataclass(frozen=True)
class _LayerPass:
    """The way of one frame grid through all layers.

    Args:
        runner: Runs the layers.
        num_frames: Frames of the recording.
        layers: Where the outputs of a layer lie, and those of the layer below, in turns.
        num_segments: Segments that run side by side.
        chunk_frames: Frames of a chunk.
        threads: Where the backward directions run; after the forward ones if `None`.
    """

    runner: LayerRunner
    num_frames: int
    layers: list[_BothDirections]
    num_segments: int
    chunk_frames: int
    threads: Executor | None

    def log_probs(self, features: FrameSource) -> Iterator[Frames]:
        """Log-probabilities `(frames, classes)` of one frame grid, piece by piece; an empty piece of no frames."""
        if self.num_frames == 0:
            yield self.runner.log_probs(np.empty((0, 2 * self.runner.hidden_size), dtype=np.float32))
            return
        hidden_states: FrameSource = features
        for layer in range(self.runner.num_layers):
            outputs = self.layers[layer % 2]
            self._run_layer(layer, hidden_states, outputs)
            hidden_states = outputs
        for start in range(0, self.num_frames, self.chunk_frames):
            stop = min(start + self.chunk_frames, self.num_frames)
            rows = np.empty((stop - start, hidden_states.width), dtype=np.float32)
            hidden_states.read(start, stop, rows)
            yield self.runner.log_probs(rows)

    def _run_layer(self, layer: int, source: FrameSource, outputs: _BothDirections) -> None:
        interrupted = Event()
        targets: tuple[tuple[Direction, FrameStore], ...] = (("forward", outputs.ahead), ("backward", outputs.behind))
        forward, backward = (
            _Direction(self.runner, layer, name, source, target, self.num_frames, self.num_segments, interrupted)
            for name, target in targets
        )
        # The calling thread takes a share: what it has allocated and freed before is used again.
        behind = self.threads.submit(backward.run, self.chunk_frames) if self.threads else None
        try:
            forward.run(self.chunk_frames)
        except BaseException:
            interrupted.set()
            raise
        if behind is None:
            backward.run(self.chunk_frames)
        else:
            behind.result()


@dataclass(frozen=True)
class _Direction:
    """One direction of one layer over a whole recording. Positions count in the order of the direction."""

    runner: LayerRunner
    layer: int
    direction: Direction
    source: FrameSource
    target: FrameStore
    num_frames: int
    num_segments: int
    interrupted: Event

    def run(self, chunk_frames: int) -> None:
        """Write the outputs of all frames."""
        length = -(-self.num_frames // self.num_segments)
        starts = list(range(0, self.num_frames, length))
        ends = self._pass(
            {start: np.zeros(self.runner.hidden_size, dtype=np.float32) for start in starts},
            length,
            chunk_frames,
            correct=False,
        )
        # A segment that ends in another state than the next one has started from makes that one start again.
        while states := {start: ends[start - length] for start in starts if start - length in ends}:
            ends = self._pass(states, length, chunk_frames, correct=True)

    def _pass(self, states: dict[int, Frames], length: int, chunk_frames: int, *, correct: bool) -> dict[int, Frames]:
        """Run segments from their states, both by where the segment starts.

        Returns:
            States `(hidden_size,)` at the ends of the segments; without those that a correction did not change.
        """
        for offset in range(0, length, chunk_frames):
            spans = {
                start: (start + offset, min(start + min(offset + chunk_frames, length), self.num_frames))
                for start in states
            }
            # The last segment may be shorter, and its end is nobody's start.
            spans = {start: span for start, span in spans.items() if span[0] < span[1]}
            if not spans or self.interrupted.is_set():
                return {}
            lengths = [stop - start for start, stop in spans.values()]
            inputs = np.zeros((max(lengths), len(spans), self.source.width), dtype=np.float32)
            for column, (span, size) in enumerate(zip(spans.values(), lengths, strict=True)):
                self._read(*span, inputs[:size, column])
            outputs, last_states = self.runner(
                self.layer, self.direction, inputs, np.stack([states[start] for start in spans])
            )
            states = {}
            for column, (start, span) in enumerate(spans.items()):
                rows = outputs[: span[1] - span[0], column]
                has_met = correct and np.abs(rows[-1] - self._written(span[1] - 1)).max() <= self.runner.same_state
                self._write(span[0], rows)
                if not has_met:
                    states[start] = last_states[column]
        return states

    def _read(self, start: int, stop: int, target: Frames) -> None:
        if self.direction == "forward":
            self.source.read(start, stop, target)
        else:
            self.source.read(self.num_frames - stop, self.num_frames - start, target[::-1])

    def _written(self, position: int) -> Frames:
        row = position if self.direction == "forward" else self.num_frames - 1 - position
        return self.target.read(row, row + 1)[0]

    def _write(self, start: int, rows: Frames) -> None:
        if self.direction == "forward":
            self.target.write(start, rows)
        else:
            self.target.write(self.num_frames - start - len(rows), rows[::-1])


def _log_probs_of_grid(layer_pass: _LayerPass, features: LongFeatures, grid: int, width: int) -> Iterator[Frames]:
    """Log-probabilities of one frame grid, piece by piece; what is far from any sound is not run."""
    source, rule = _Grid(features, grid, width), layer_pass.runner.silence
    sounds = features.sounds(grid)
    if rule is None or sounds is None or (heard := rule.heard(sounds)).all():
        yield from layer_pass.log_probs(source)
        return
    heard_frames = HeardFrames(source, np.flatnonzero(heard))
    of_heard = replace(layer_pass, num_frames=len(heard_frames.places))
    yield from heard_frames.in_places(of_heard.log_probs(heard_frames), rule, len(heard), layer_pass.chunk_frames)


def _mean_of_grids(
    grids: Iterable[Iterator[Frames]], num_grids: int, files: ExitStack, hour_gb: float
) -> Iterator[Frames]:
    """Normalised geometric mean of the probabilities on each frame grid, piece by piece."""
    means: FrameStore | None = None
    for number, pieces in enumerate(grids):
        start = 0
        for piece in pieces:
            if means is None:
                means = files.enter_context(FrameStore(piece.shape[1], hour_gb))
            rows = piece / np.float32(num_grids)
            stop = start + len(rows)
            if number > 0:
                rows += means.read(start, stop)
            if number < num_grids - 1:
                means.write(start, rows)
            else:
                yield _log_softmax(rows)
            start = stop


def _log_softmax(scores: Frames) -> Frames:
    shifted = scores - scores.max(axis=-1, keepdims=True)
    log_probs: Frames = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_probs

"""A recording of any length through the network: the result of one pass over the whole, in bounded memory.

A bidirectional layer needs all outputs of the layer below. So the network runs layer by layer, each direction of a
layer in chunks that carry its state. The outputs of a layer lie in a temporary file until the next layer has read
them: with the bundled network 0.69 GB for every hour, and 0.08 GB for every further frame grid. In memory are the
chunks and the log-probabilities, 17 MB for every hour.

One sequence alone leaves most of a processor idle. So a long recording is cut into segments that run side by side.
Segments start from a zero state and are rerun from the true state until both agree within `same_state`; the result
equals one sequential pass.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.frame_grids_bigru_ctc import mean_of_grids
from ..model.waveforms_bigru_ctc import AudioArray, mono_waveform
from .features import LongFeatures
from .frame_store import Frames, FrameStore
from .layer_runners import Direction, LayerRunner, TorchLayerRunner, runner_of

__all__ = ["log_probs_of_long_audio"]

CHUNK_S = 5.0
BLOCK_SAMPLES = 1 << 20
MAX_SEGMENTS = 16
MIN_SEGMENT_FRAMES = 4000
"""Segments this long cost little to rerun at their beginnings: the bundled network forgets in 80 to 2,500 frames."""


def log_probs_of_long_audio(
    model: Any,  # noqa: ANN401 - a torch model, one of another runtime, one from the Hub
    feature_extractor: BiGRUCTCFeatureExtractor,
    audio: AudioArray | Iterator[AudioArray],
    *,
    sampling_rate: int,
    chunk_s: float = CHUNK_S,
    num_segments: int | None = None,
    runner: LayerRunner | None = None,
) -> torch.Tensor:
    """Log-probabilities of a recording of any length, equal to those of the model on the whole within 1e-4.

    Args:
        model: The recogniser, in evaluation mode.
        feature_extractor: Computes its features.
        audio: The samples, `(samples,)` or `(channels, samples)`, or an iterator over successive blocks of them.
        sampling_rate: Their sampling rate in Hz; it must be the extractor's own.
        chunk_s: Length of the chunks. It changes memory and speed, not the result.
        num_segments: Segments of the recording that run side by side; `None` chooses by its length.
        runner: Runs the layers; those of the model if `None`.

    Returns:
        `(frames, classes)` float32 on the CPU.

    Raises:
        ValueError: If the audio is empty or otherwise unusable, see [`BiGRUCTCFeatureExtractor`]; if the sampling rate
            is another one, a length is not positive, or the model shows no layers.
        OSError: If there is no room for the temporary file.
    """
    _check_arguments(feature_extractor, sampling_rate, chunk_s, num_segments)
    runner = runner_of(model) if runner is None else runner
    if runner is None:
        raise ValueError(
            f"A {type(model).__name__} does not show its layers; give a BiGRUForCTC, or a runner= for its layers."
        )
    frame_s = feature_extractor.hop_length / feature_extractor.sampling_rate
    chunk_frames = max(round(chunk_s / frame_s), 1)
    num_features = feature_extractor.num_offsets * feature_extractor.feature_size
    # Every frame has its features and the outputs of both directions of two layers, in float32.
    hour_gb = 3600 / frame_s * 4 * (num_features + 4 * runner.hidden_size) / 1e9
    with ExitStack() as stack:
        features = LongFeatures.compute(
            feature_extractor,
            _blocks(audio),
            stack.enter_context(FrameStore(num_features, hour_gb)),
            max_frames=chunk_frames,
        )
        if num_segments is None:
            num_segments = min(max(len(features) // MIN_SEGMENT_FRAMES, 1), MAX_SEGMENTS)
        num_threads = stack.enter_context(_threads(runner))
        # The outputs of a layer, and those of the layer below, which it reads.
        layers = [
            _BothDirections(*(stack.enter_context(FrameStore(runner.hidden_size, hour_gb)) for _ in range(2)))
            for _ in range(2)
        ]
        layer_pass = _LayerPass(runner, len(features), layers, num_segments, num_threads, chunk_frames)
        grids = (
            _Grid(features, grid, feature_extractor.feature_size) for grid in range(feature_extractor.num_offsets)
        )
        return mean_of_grids(map(layer_pass.log_probs, grids), feature_extractor.num_offsets)


def _check_arguments(
    feature_extractor: BiGRUCTCFeatureExtractor, sampling_rate: int, chunk_s: float, num_segments: int | None
) -> None:
    if sampling_rate != feature_extractor.sampling_rate:
        raise ValueError(
            f"The audio has a sampling rate of {sampling_rate} Hz; this feature extractor takes "
            f"{feature_extractor.sampling_rate} Hz. Resample it, or read the file with "
            "hf_bigru_asr.audio.iterate_audio."
        )
    if not chunk_s > 0:
        raise ValueError(f"chunk_s is {chunk_s}; it must be positive.")
    if num_segments is not None and num_segments < 1:
        raise ValueError(f"num_segments is {num_segments}; it must be at least 1, or None.")


def _blocks(audio: AudioArray | Iterator[AudioArray]) -> Iterator[AudioArray]:
    if isinstance(audio, Iterator):
        return audio
    is_plain = isinstance(audio, np.ndarray | torch.Tensor) and audio.ndim == 1
    whole: Any = audio if is_plain else mono_waveform(audio)
    return (whole[first : first + BLOCK_SAMPLES] for first in range(0, len(whole), BLOCK_SAMPLES))


class _Source(Protocol):
    """Frames that a layer reads."""

    def read(self, start: int, stop: int) -> Frames:
        """`(stop - start, features)`."""


@dataclass(frozen=True)
class _Grid:
    """The features of one frame grid, of several that stand side by side."""

    features: LongFeatures
    index: int
    size: int

    def read(self, start: int, stop: int) -> Frames:
        """`(stop - start, size)`."""
        return self.features.read(start, stop)[:, self.index * self.size : (self.index + 1) * self.size]


@dataclass(frozen=True)
class _BothDirections:
    """The outputs of the two directions of a layer, side by side."""

    ahead: FrameStore
    behind: FrameStore

    def read(self, start: int, stop: int) -> Frames:
        return np.concatenate([self.ahead.read(start, stop), self.behind.read(start, stop)], axis=1)


@dataclass(frozen=True)
class _LayerPass:
    """The way of one frame grid through all layers.

    Args:
        runner: Runs the layers.
        num_frames: Frames of the recording.
        layers: Where the outputs of a layer lie, and those of the layer below, in turns.
        num_segments: Segments that run side by side.
        num_threads: Directions that run at once.
        chunk_frames: Frames of a chunk.
    """

    runner: LayerRunner
    num_frames: int
    layers: list[_BothDirections]
    num_segments: int
    num_threads: int
    chunk_frames: int

    def log_probs(self, features: _Source) -> torch.Tensor:
        """Log-probabilities `(frames, classes)` of one frame grid."""
        hidden_states = features
        for layer in range(self.runner.num_layers):
            outputs = self.layers[layer % 2]
            targets: list[tuple[Direction, FrameStore]] = [("forward", outputs.ahead), ("backward", outputs.behind)]
            directions = [
                _Direction(self.runner, layer, name, hidden_states, target, self.num_frames, self.num_segments)
                for name, target in targets
            ]
            with ThreadPoolExecutor(self.num_threads) as pool:
                list(pool.map(lambda direction: direction.run(self.chunk_frames), directions))
            hidden_states = outputs
        return _head(self.runner, hidden_states, self.num_frames, self.chunk_frames)


@dataclass(frozen=True)
class _Direction:
    """One direction of one layer over a whole recording. Positions count in the order of the direction."""

    runner: LayerRunner
    layer: int
    direction: Direction
    source: _Source
    target: FrameStore
    num_frames: int
    num_segments: int

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
            if not spans:
                return {}
            pieces = [self._read(*span) for span in spans.values()]
            inputs = np.zeros((max(map(len, pieces)), len(pieces), pieces[0].shape[1]), dtype=np.float32)
            for column, piece in enumerate(pieces):
                inputs[: len(piece), column] = piece
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

    def _read(self, start: int, stop: int) -> Frames:
        if self.direction == "forward":
            return self.source.read(start, stop)
        return self.source.read(self.num_frames - stop, self.num_frames - start)[::-1]

    def _written(self, position: int) -> Frames:
        row = position if self.direction == "forward" else self.num_frames - 1 - position
        return self.target.read(row, row + 1)[0]

    def _write(self, start: int, rows: Frames) -> None:
        if self.direction == "forward":
            self.target.write(start, rows)
        else:
            self.target.write(self.num_frames - start - len(rows), rows[::-1])


def _head(runner: LayerRunner, hidden_states: _Source, num_frames: int, chunk_frames: int) -> torch.Tensor:
    log_probs = torch.empty(0)
    for start in range(0, num_frames, chunk_frames):
        stop = min(start + chunk_frames, num_frames)
        rows = torch.from_numpy(runner.log_probs(hidden_states.read(start, stop)))
        if start == 0:
            log_probs = torch.empty(num_frames, rows.shape[1])
        log_probs[start:stop] = rows
    return log_probs


@contextmanager
def _threads(runner: LayerRunner) -> Iterator[int]:
    """How many directions run at once, with torch's threads divided between them."""
    available = torch.get_num_threads()
    if not isinstance(runner, TorchLayerRunner):
        yield 2
        return
    torch.set_num_threads(max(available // 2, 1))
    try:
        yield min(available, 2)
    finally:
        torch.set_num_threads(available)

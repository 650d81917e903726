"""From audio to log-probabilities: short recordings in batches, long ones in chunks, on any backend.

Recognition, alignment, evaluation and the tuning of decoders all run the network through [`Network`].
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from ..audio.channels import Channels
from ..audio.findings import OnDamage
from ..audio.loading import count_channels, iterate_audio
from ..audio.sources import Source, can_be_opened_again, open_source
from ..long_audio.layer_runners import runner_of, shows_layers
from ..long_audio.network import log_probs_of_long_audio
from ..model.feature_extraction_bigru_ctc import BiGRUCTCFeatureExtractor
from ..model.found_path_bigru_ctc import Check, no_check
from ..model.waveforms_bigru_ctc import mono_waveform
from ..runtime.layer_runners import LayerRunner
from ..runtime.long_audio import LONG_S
from .read_ahead import read_ahead

__all__ = [
    "LONG_S",
    "AudioSource",
    "ChannelSource",
    "LogProbs",
    "Network",
    "Recording",
    "channel_sources",
    "check_source",
    "source_name",
]

READ_AHEAD_S = 60.0
"""Audio of a long recording that is read while the features of the part before are computed."""

BLOCK_SAMPLES = 1 << 20


@dataclass(frozen=True)
class ChannelSource:
    """One channel of a recording.

    Args:
        source: The recording, as it was given.
        channel: Number of the channel, from 0.
        num_channels: Channels of the recording.
        opened: The recording, opened once for all its channels.
        error: Why it cannot be used, if so.
    """

    source: str | Path
    channel: int = 0
    num_channels: int = 1
    opened: Source | None = None
    error: ValueError | OSError | None = None


AudioSource = str | Path | bytes | np.ndarray | ChannelSource
"""Path or bytes of a file as [`load_audio`] takes it, one channel of it, or mono samples `(samples,)` at the network's
sampling rate."""


_FILES = (str, PathLike, bytes, bytearray, memoryview, Source)


def check_source(source: object, *, can_be_array: bool = True) -> None:
    """Refuse what is no recording.

    Args:
        source: One recording.
        can_be_array: Whether samples are taken.

    Raises:
        ValueError: If it is none; the message lists what is one.
    """
    is_array = isinstance(source, np.ndarray)
    if is_array and can_be_array:
        return
    if is_array or not (isinstance(source, _FILES) or hasattr(source, "read")):
        array = ", or a NumPy array of samples at the model's rate" if can_be_array else ""
        raise ValueError(
            f"A recording is a {type(source).__name__}; give a path, bytes or an open binary file{array}."
        )


def source_name(source: object) -> str:
    """What a transcript calls a recording: its path, or what it is."""
    if isinstance(source, bytes | bytearray | memoryview):
        return f"audio of {len(source)} bytes"
    if isinstance(source, str | PathLike):
        return str(source)
    if isinstance(source, np.ndarray):
        return f"array of {source.shape[-1]} samples" if source.ndim else "array"
    return str(getattr(source, "name", None) or type(source).__name__)


def channel_sources(sources: Iterable[str | Path]) -> Iterator[ChannelSource]:
    """Every channel of every recording, in order; what is wrong with one becomes its `error`."""
    for source in sources:
        try:
            check_source(source, can_be_array=False)
            opened = open_source(source)
            num_channels = count_channels(opened)
        except (ValueError, OSError) as error:
            yield ChannelSource(source, error=error)
            continue
        for channel in range(num_channels):
            yield ChannelSource(source, channel, num_channels, opened)


@dataclass(frozen=True)
class Recording:
    """A recording that is ready for the network.

    Args:
        source: Where its audio comes from.
        duration_s: Its length; of a long recording what has been read of it.
        features: `(frames, features)`; `None` for a long recording, or if there is an error.
        error: Why the audio cannot be used, if so.
        warnings: What was odd about the file, or damaged.
        audio: A long recording that can be read once more; `None` if `source` can.
    """

    source: AudioSource
    duration_s: float = 0.0
    features: torch.Tensor | None = None
    error: ValueError | OSError | None = None
    warnings: tuple[str, ...] = ()
    audio: Source | None = None

    @property
    def is_long(self) -> bool:
        """Whether it goes through the network in chunks."""
        return self.features is None and self.error is None


@dataclass(frozen=True)
class LogProbs:
    """What the network gives for one recording.

    Args:
        values: `(frames, classes)` float32 on the CPU, without padding; without frames if there is an error.
        duration_s: Length of the recording; 0 if there is an error.
        error: Why the audio cannot be used, if so.
        warnings: What was odd about the file, or damaged.
    """

    values: torch.Tensor = field(default_factory=lambda: torch.empty(0, 0))
    duration_s: float = 0.0
    error: ValueError | OSError | None = None
    warnings: tuple[str, ...] = ()

    def checked(self) -> torch.Tensor:
        """The `values`.

        Raises:
            ValueError: The error, if there is one.
            OSError: The same.
        """
        if self.error is not None:
            raise self.error
        return self.values


@dataclass(frozen=True)
class Network:
    """A model and its features as one: audio in, log-probabilities out.

    Args:
        model: A torch model or one of another backend, in evaluation mode, called as [`BiGRUForCTC`] is.
        feature_extractor: Computes its features.
        long_s: Recordings longer than this go through the network in chunks, if the model shows its layers.
        device: Where features of short recordings are computed.
        channels: Which channels of files are taken, as in [`load_audio`], but for `"split"`.
        on_damage: What becomes of damaged files, as in [`load_audio`].
        check: Called before every batch, and every chunk of a long recording; what it raises ends the work.

    Raises:
        ValueError: If `long_s` is not positive.
    """

    model: Any
    feature_extractor: BiGRUCTCFeatureExtractor
    long_s: float = field(default_factory=lambda: LONG_S)
    device: str | torch.device = "cpu"
    channels: Channels = "mix"
    on_damage: OnDamage = "error"
    check: Check = no_check

    def __post_init__(self) -> None:
        """Check the length."""
        if not self.long_s > 0:
            raise ValueError(f"long_s is {self.long_s}; it must be positive.")

    @property
    def sampling_rate(self) -> int:
        """Samples per second of the audio."""
        return int(self.feature_extractor.sampling_rate)

    @property
    def frame_s(self) -> float:
        """Seconds per frame."""
        return self.feature_extractor.hop_length / self.sampling_rate

    @cached_property
    def _runner(self) -> LayerRunner | None:
        return runner_of(self.model)

    def read(self, source: AudioSource) -> Recording:
        """Read a recording and compute its features; of a long one no more than `long_s` are read.

        It may be called in several threads.

        Args:
            source: The audio. What is wrong with it becomes the recording's `error`.
        """
        num_samples = 0
        blocks: list[np.ndarray] = []
        warnings: list[str] = []
        try:
            if not isinstance(source, ChannelSource):
                check_source(source)
            audio = _readable_twice(source)
            with closing(self._blocks(source if audio is None else audio, source, warnings)) as stream:  # type: ignore[type-var] # a generator
                for block in stream:
                    blocks.append(block)
                    num_samples += len(block)
                    if num_samples > self.long_s * self.sampling_rate and shows_layers(self.model):
                        return Recording(source, self.long_s, audio=audio)
            waveform = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
            features = self.feature_extractor.extract(torch.from_numpy(waveform).to(self.device))
        except (ValueError, OSError) as error:
            return Recording(source, error=error)
        return Recording(source, num_samples / self.sampling_rate, features, warnings=tuple(warnings))

    def _blocks(self, audio: AudioSource | Source, source: AudioSource, warnings: list[str]) -> Iterator[np.ndarray]:
        """Samples of a recording, from where it can be read."""
        if isinstance(source, np.ndarray):
            yield from _array_blocks(source)
            return
        channels = source.channel if isinstance(source, ChannelSource) else self.channels
        yield from iterate_audio(
            audio,  # type: ignore[arg-type] # a channel has its recording opened
            sampling_rate=self.sampling_rate,
            channels=channels,
            on_damage=self.on_damage,
            warn=warnings.append,
        )

    def run(self, recordings: Iterable[Recording]) -> list[LogProbs]:
        """Run recordings of any length: the short ones together, then each long one alone.

        Returns:
            One result for each, in order.
        """
        recordings = list(recordings)
        short = [recording for recording in recordings if recording.features is not None]
        scores = iter(self.run_batch(short) if short else ())
        return [
            LogProbs(next(scores), recording.duration_s, warnings=recording.warnings)
            if recording.features is not None
            else LogProbs(error=recording.error)
            if recording.error is not None
            else self.run_long(recording)
            for recording in recordings
        ]

    @torch.inference_mode()
    def run_batch(self, recordings: Sequence[Recording], model: Any = None) -> list[torch.Tensor]:  # noqa: ANN401 - see `model`
        """Run short recordings together.

        Args:
            recordings: Each with features.
            model: What stands in for the model, such as its share in one of several threads.

        Returns:
            Log-probabilities `(frames, classes)` of each, float32 on the CPU.
        """
        self.check()
        model = self.model if model is None else model
        features = [recording.features for recording in recordings if recording.features is not None]
        masks = [torch.ones(len(each), dtype=torch.bool) for each in features]
        # Padding is what the mask says, whatever its value.
        inputs = {"input_features": pad_sequence(features, True), "attention_mask": pad_sequence(masks, True)}
        device = getattr(model, "device", "cpu")
        log_probs = model(**{name: each.to(device) for name, each in inputs.items()}).logits
        rows = torch.as_tensor(log_probs).float().cpu()
        return [row[: len(each)] for row, each in zip(rows, features, strict=True)]

    def run_long(self, recording: Recording) -> LogProbs:
        """Run a recording of any length in chunks, in bounded memory; its audio is read once more."""
        num_samples = 0
        warnings: list[str] = []

        def counted(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
            nonlocal num_samples
            for block in blocks:
                self.check()
                num_samples += len(block)
                yield block

        limit = READ_AHEAD_S * self.sampling_rate
        audio = recording.source if recording.audio is None else recording.audio
        try:
            blocks = self._blocks(audio, recording.source, warnings)
            ahead = read_ahead(blocks, np.asarray, num_workers=1, size=len, limit=limit)
            with closing(ahead):  # type: ignore[type-var] # a generator
                log_probs = log_probs_of_long_audio(
                    self.model,
                    self.feature_extractor,
                    counted(ahead),
                    sampling_rate=self.sampling_rate,
                    runner=self._runner,
                    check=self.check,
                )
        except (ValueError, OSError) as error:
            return LogProbs(error=error)
        return LogProbs(log_probs, num_samples / self.sampling_rate, warnings=tuple(warnings))


def _readable_twice(source: AudioSource) -> Source | None:
    """The recording, read to its end, if its source cannot be opened again; `None` if it can.

    Raises:
        ValueError: What is wrong with a channel's recording, or it cannot be read.
        OSError: The same.
    """
    if isinstance(source, ChannelSource):
        if source.error is not None:
            raise source.error
        return source.opened
    return None if can_be_opened_again(source) else open_source(source)


def _array_blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, max(len(samples), 1), BLOCK_SAMPLES):
        yield mono_waveform(samples[first : first + BLOCK_SAMPLES], first)

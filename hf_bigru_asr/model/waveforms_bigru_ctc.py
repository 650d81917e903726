"""The one rule for samples in memory: which types, scales and shapes are audio, and how they become mono float32.

| samples | result |
|---|---|
| float16, bfloat16, float32, float64 | full scale is [-1, 1]; peaks to `MAX_PEAK` are clipped, higher ones refused |
| int8, int16, int32 | divided by 2**7, 2**15, 2**31 |
| uint8 | offset binary as in WAV files: 128 is silence, `(x - 128) / 128` |
| other types (int64, bool, complex, text) | refused |

| shape of one utterance | result |
|---|---|
| `(samples,)`, `(1, samples)` | these samples |
| `(2, samples)` | mean of the two channels; the first one, with a warning, if they cancel each other |
| `(samples, channels)`, more than two channels, other shapes | refused |

NumPy arrays, torch tensors on any device, and lists are treated alike. The feature extractor, the file reader and the
runtime without torch all use these functions; so this module must not import torch.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["AudioArray", "WaveformError", "cancels", "list_of_waveforms", "mean_of_channels", "mono_waveform"]

MAX_CHANNELS = 2
# Lossy decoders, resampling and hot float mixes pass 1.0 by some decibels; beyond 6 dB the scale itself is wrong.
MAX_PEAK = 2.0

CANCELLED_POWER = 0.01
"""A mix of two channels below this share of their power has lost what is in them: opposite phase. Else it is 0.5."""
SILENT_POWER = 1e-9
"""Mean square of samples below which there is nothing to lose: -90 dB of full scale."""

_INTEGER_SCALES = {"int8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}
# A batch may well have more utterances than samples in each, but hardly with as few samples as recordings have
# channels.
_MOST_CHANNELS_OF_A_RECORDING = 8

Waveform = npt.NDArray[np.float32]


class _Tensor(Protocol):
    """A `torch.Tensor`."""

    def __len__(self) -> int:
        """Size of the first axis."""

    def detach(self) -> Any:  # noqa: ANN401 - a torch.Tensor, which cannot be named without torch
        """Return the values without their gradient."""


AudioArray = np.ndarray | _Tensor | Sequence[float]


class WaveformError(ValueError):
    """Samples that cannot be used; `problem` says what came, what is allowed and what to do."""

    def __init__(self, problem: str) -> None:
        """Keep the problem without its subject, so that a reader of files can name the file."""
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        """Return the problem as a sentence."""
        return f"The audio {self.problem}."


def list_of_waveforms(raw_speech: AudioArray | Sequence[AudioArray]) -> list[Waveform]:
    """Return mono float32 samples `(samples,)` in [-1, 1] of one utterance, or of each of a batch.

    Args:
        raw_speech: One utterance `(samples,)`, a batch `(batch, samples)` or `(batch, channels, samples)`, or a list
            of utterances, each `(samples,)` or `(channels, samples)`.

    Raises:
        ValueError: If the batch is empty, or as [`mono_waveform`].
        TypeError: As [`mono_waveform`].
    """
    _check_is_array(raw_speech)
    batch: Any = raw_speech  # an array, a tensor or a list; the checks below tell which
    if isinstance(batch, np.ndarray) or hasattr(batch, "detach"):
        batch = _numpy_of(batch)
        if batch.ndim == 2 and batch.shape[1] <= _MOST_CHANNELS_OF_A_RECORDING:
            _refuse_channels_last(batch.shape)
        utterances = list(batch) if batch.ndim in (2, 3) else [batch]
    elif len(batch) > 0 and np.ndim(batch[0]) == 0:
        utterances = [batch]
    else:
        utterances = list(batch)
    if not utterances:
        raise ValueError("The batch of audio is empty; give at least one utterance.")
    return [mono_waveform(utterance) for utterance in utterances]


def mono_waveform(audio: AudioArray, first_sample: int = 0, *, clip: bool = True) -> Waveform:
    """Return mono float32 samples `(samples,)` in [-1, 1] of one utterance or of a part of it, by the rule above.

    Args:
        audio: `(samples,)`, `(1, samples)` or `(2, samples)`. It is copied.
        first_sample: Position of the first sample in the utterance, for messages.
        clip: Whether to clip peaks over full scale. Samples to be resampled are clipped only after it.

    Raises:
        WaveformError: If it is empty, has NaN or infinite samples, floats beyond `MAX_PEAK`, more than two channels,
            the channels last, or another shape. It is a `ValueError`.
        TypeError: If the samples are of another type, or if `audio` is a path or a dictionary.

    Example:
        >>> import numpy
        >>> mono_waveform(numpy.array([[0, 16384], [0, -8192]], dtype=numpy.int16))
        array([0.   , 0.125], dtype=float32)
    """
    samples = _scaled(audio)
    if samples.ndim == 1:
        samples = samples[np.newaxis]
    elif samples.ndim == 2:
        _refuse_channels_last(samples.shape)
    else:
        raise WaveformError(
            f"has the shape {samples.shape}; an utterance is (samples,) or (channels, samples) with one or two "
            "channels: pass the clips of a batch one by one"
        )
    if cancels(samples):
        warnings.warn(
            "The two channels of the audio have opposite phase, so that their mix would be silent; the first one is "
            "taken: give one channel as (samples,).",
            stacklevel=2,
        )
        samples = samples[:1]
    mono = mean_of_channels(samples, first_sample)
    return mono.clip(-1.0, 1.0) if clip else mono


def cancels(samples: Waveform) -> bool:
    """Whether the mean of two channels `(channels, samples)` loses what is in both, for they have opposite phase."""
    if len(samples) != MAX_CHANNELS or samples.shape[1] == 0:
        return False
    power, mixed = _mean_square(samples), _mean_square(_mean_of_two(samples))
    return bool(power > SILENT_POWER and mixed < CANCELLED_POWER * power)


def mean_of_channels(samples: Waveform, first_sample: int = 0) -> Waveform:
    """Check float32 samples `(channels, samples)` and return their mean `(samples,)`, not yet clipped.

    Args:
        samples: At full scale [-1, 1], as decoders give them.
        first_sample: Position of the first sample in the utterance, for messages.

    Raises:
        WaveformError: As [`mono_waveform`].
    """
    num_channels, num_samples = samples.shape
    if num_channels > MAX_CHANNELS:
        raise WaveformError(
            f"has {num_channels} channels; allowed are 1 and 2, as (samples,) or (channels, samples): select one, or "
            "mix them to mono before"
        )
    if num_samples == 0 or num_channels == 0:
        raise WaveformError("has no samples; give at least one sample")
    lowest, highest = float(samples.min()), float(samples.max())  # both are NaN if one sample is
    if not math.isfinite(lowest) or not math.isfinite(highest):
        bad = ~np.isfinite(samples)
        first = first_sample + int(bad.any(axis=0).argmax())
        raise WaveformError(
            f"has {int(bad.sum())} NaN or infinite samples, the first at sample {first}; all samples must be finite: "
            "repair or leave out the recording"
        )
    if (peak := max(-lowest, highest)) > MAX_PEAK:
        raise WaveformError(
            f"has floating-point samples up to {peak:g}; allowed is [-1, 1]: divide them by the full scale before, "
            "32768 for 16-bit values"
        )
    mono: Waveform = samples[0] if num_channels == 1 else _mean_of_two(samples)
    return mono


def _mean_square(samples: Waveform) -> float:
    """Mean square in double precision, without a copy of the samples in it."""
    rows = np.atleast_2d(samples)
    return float(np.einsum("ij,ij->", rows, rows, dtype=np.float64) / samples.size)


def _mean_of_two(samples: Waveform) -> Waveform:
    """`samples.mean(axis=0)` of two channels, forty times as fast on those that a decoder interleaves."""
    mean: Waveform = (samples[0] + samples[1]) * np.float32(0.5)
    return mean


def _check_is_array(audio: object) -> None:
    first = audio[0] if isinstance(audio, list | tuple) and audio else audio
    if hasattr(first, "get_all_samples"):
        raise TypeError(
            f"The audio is a decoder, {type(first).__name__}, as torchcodec and Audio columns of datasets give it; "
            "pass its samples, audio.get_all_samples().data, and their sample_rate as sampling_rate."
        )
    # The buffers of a file would be taken for 8-bit samples.
    if isinstance(audio, str | bytes | bytearray | memoryview | Mapping) or not hasattr(audio, "__len__"):
        raise TypeError(
            f"The audio is of type {type(audio).__name__}; give its samples as a NumPy array, a tensor or a list. "
            "hf_bigru_asr.audio.load_audio reads files."
        )


def _numpy_of(audio: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - a tensor is known by its methods alone
    if not hasattr(audio, "detach"):
        return np.asarray(audio)
    tensor = audio.detach().cpu()
    # NumPy does not know bfloat16.
    array: npt.NDArray[Any] = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    return array


def _scaled(audio: object) -> Waveform:
    """Return a float32 copy at full scale [-1, 1], of any shape."""
    _check_is_array(audio)
    values = _numpy_of(audio)
    name = values.dtype.name
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused later
            return values.astype(np.float32)
    if name in _INTEGER_SCALES:
        return values.astype(np.float32) / np.float32(_INTEGER_SCALES[name])
    if name == "uint8":
        return (values.astype(np.float32) - np.float32(128)) / np.float32(128)
    raise TypeError(
        f"The audio has samples of type {name}; allowed are floats in [-1, 1], and int8, int16, int32 and uint8 at "
        "full scale: convert them, for example with array.astype('int16')."
    )


def _refuse_channels_last(shape: tuple[int, ...]) -> None:
    num_rows, num_columns = shape
    if num_rows > MAX_CHANNELS and 0 < num_columns < num_rows:
        raise WaveformError(
            f"has the shape {shape}, which looks like (samples, channels); give one channel as (samples,), or "
            "transpose it with `array.T` to (channels, samples)"
        )

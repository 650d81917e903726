"""Speech as the model takes it, mono float32 at one sampling rate, from a file, bytes, an open file or an array."""

import math
import operator
import os
from collections.abc import Callable, Iterator
from itertools import chain, groupby
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .._registration import check_torchaudio
from .integrity import AudioError
from .resampling import resampled_blocks
from .sound_files import MAX_CHANNELS, UnstatedLengthError, audio_duration_s, decoded_blocks, read_source

__all__ = [
    "SAMPLING_RATE",
    "AudioError",
    "UnstatedLengthError",
    "audio_duration_s",
    "iterate_audio",
    "load_audio",
    "to_int16",
    "to_mono_float32",
]

SAMPLING_RATE = 16_000

Resampler = Callable[[npt.NDArray[np.float32], int, int], npt.NDArray[np.float32]]
"""Turns `(samples,)` at one rate in hertz into samples at another."""

# Lossy decoders and hot float mixes pass 1.0 by some decibels and are clipped; beyond 6 dB the scale itself is wrong.
MAX_PEAK = 2.0
# torchaudio's polyphase kernel holds about (from / gcd) * (to / gcd) float64 values: 800 MB here. Every common rate
# stays far below; two rates without a common divisor, 44,101 and 16,000 Hz, would take 5.6 GB.
MAX_RESAMPLING_KERNEL = 100_000_000

_NO_SAMPLES = "has no samples; give at least one sample"
_INTEGER_SCALES = {"int8": 2.0**7, "int16": 2.0**15, "int32": 2.0**31}


def load_audio(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    sampling_rate: int = SAMPLING_RATE,
    resample: Resampler | None = None,
) -> npt.NDArray[np.float32]:
    """Return the audio of one file as mono float32 samples.

    Two channels are averaged. Peaks up to 6 dB over full scale, as lossy decoders make them, are clipped.

    Args:
        source: Path of a file, the bytes of a file, or a file open for binary reading (read from where it stands).
        sampling_rate: Rate of the result in hertz.
        resample: What resamples; `torchaudio.functional.resample` if `None`. Not called at the right rate.

    Returns:
        Array of shape `(samples,)`, float32 in [-1, 1], at least one sample.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: A folder, an empty, damaged or cut file, a format that nothing here reads, no samples, NaN or
            infinite samples, float samples that are not scaled to [-1, 1], or more than two channels.
        TypeError: `source` or `sampling_rate` is of another type.

    Example:
        >>> import io, numpy, soundfile
        >>> file = io.BytesIO()
        >>> soundfile.write(file, numpy.zeros((48_000, 2)), 48_000, format="FLAC")
        >>> load_audio(file.getvalue()).shape
        (16000,)
    """
    blocks = list(iterate_audio(source, sampling_rate=sampling_rate, resample=resample))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def iterate_audio(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    sampling_rate: int = SAMPLING_RATE,
    resample: Resampler | None = None,
) -> Iterator[npt.NDArray[np.float32]]:
    """Give the audio of one file in blocks of about a minute, so that its length does not matter.

    Only the file as it is encoded and a few blocks are in memory.

    Args:
        source: As in `load_audio`.
        sampling_rate: Rate of the result in hertz.
        resample: As in `load_audio`.

    Yields:
        Arrays of shape `(samples,)`; joined they are what `load_audio` returns.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: As in `load_audio`; damage may be found after some blocks only.
        TypeError: `source` or `sampling_rate` is of another type.
    """
    rate = _checked_rate(sampling_rate, "sampling_rate")
    name, data = read_source(source)
    blocks = decoded_blocks(data, name)
    first = next(blocks, None)
    if first is None:
        raise AudioError(name, _NO_SAMPLES)
    # The links of a chained Ogg file may have several rates.
    for source_rate, group in groupby(chain([first], blocks), key=operator.itemgetter(1)):
        mono = (_mono(samples, name) for samples, _ in group)
        for block in _at_rate(mono, source_rate, rate, name, resample or _resample):
            yield block.clip(-1.0, 1.0)


def to_mono_float32(
    array: Any,  # noqa: ANN401 - numpy arrays, torch tensors (without importing torch) and nested lists alike
    sampling_rate_from: int,
    sampling_rate_to: int = SAMPLING_RATE,
) -> npt.NDArray[np.float32]:
    """Return samples held in memory as mono float32 samples at another rate.

    Two channels are averaged. Floating-point samples are taken as they are, int8, int16 and int32 are divided by
    2**7, 2**15 and 2**31, uint8 is read as in WAV files (128 is silence).

    Args:
        array: Samples of shape `(samples,)`, `(1, samples)` or `(2, samples)`: a numpy array, a torch tensor or lists.
        sampling_rate_from: Rate of `array` in hertz.
        sampling_rate_to: Rate of the result in hertz.

    Returns:
        Array of shape `(samples,)`, float32 in [-1, 1], at least one sample. Never a view of `array`.

    Raises:
        AudioError: No samples, channels last, more than two channels, NaN or infinite samples, or floating-point
            samples that are not scaled to [-1, 1].
        TypeError: The samples are neither floating-point nor int8, int16, int32 or uint8.

    Example:
        >>> import numpy
        >>> to_mono_float32(numpy.array([[0, 16384], [0, -16384]], dtype=numpy.int16), 16_000)
        array([0., 0.], dtype=float32)
    """
    rate_from = _checked_rate(sampling_rate_from, "sampling_rate_from")
    rate_to = _checked_rate(sampling_rate_to, "sampling_rate_to")
    if hasattr(array, "detach"):  # a torch tensor, perhaps on a GPU, perhaps bfloat16, which numpy does not know
        array = array.detach().cpu()
        array = (array.float() if array.is_floating_point() else array).numpy()
    values = np.asarray(array)
    if values.size == 0:
        raise AudioError("array", f"has no samples (shape {values.shape}); give at least one sample")
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused below
            samples = values.astype(np.float32)
    elif values.dtype.name in _INTEGER_SCALES:
        samples = (values / _INTEGER_SCALES[values.dtype.name]).astype(np.float32)
    elif values.dtype == np.uint8:
        samples = (values.astype(np.float32) - 128.0) / 128.0
    else:
        raise TypeError(
            f"array has dtype {values.dtype}; allowed are floating-point samples in [-1, 1] and int8, int16, int32, "
            "uint8 at full scale: convert it, for example with array.astype('int16')"
        )
    if samples.ndim == 1:
        samples = samples[np.newaxis]
    if samples.ndim != 2:
        raise AudioError(
            "array",
            f"has shape {values.shape}; allowed are (samples,), (1, samples) and (2, samples): "
            "pass the clips of a batch one by one",
        )
    num_rows, num_columns = samples.shape
    if num_rows > MAX_CHANNELS and num_columns < num_rows:
        raise AudioError(
            "array",
            f"has shape {values.shape}, channels last; allowed is (channels, samples): transpose it with `array.T`",
        )
    return _convert(samples.T, rate_from, rate_to, "array")


def to_int16(waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Samples in [-1, 1] as 16-bit integers of full scale 32768, to the nearest; what a 16-bit file had comes back."""
    return np.clip(np.rint(waveform * 32768), -32768, 32767).astype(np.int16)


def _checked_rate(value: int, name: str) -> int:
    try:
        rate = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name} is {value!r}; it must be an integer in hertz, such as 16000") from error
    if rate <= 0 or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}; it must be a positive integer in hertz, such as 16000")
    return rate


def _convert(
    samples: npt.NDArray[np.float32],
    source_rate: int,
    sampling_rate: int,
    name: str,
) -> npt.NDArray[np.float32]:
    """Check float32 `samples` of shape `(samples, channels)`, average the channels and resample."""
    mono = _mono(samples, name)
    if source_rate != sampling_rate:
        _check_rates(source_rate, sampling_rate, name)
        mono = _resample(mono, source_rate, sampling_rate)
    return mono.clip(-1.0, 1.0)


def _mono(samples: npt.NDArray[np.float32], name: str) -> npt.NDArray[np.float32]:
    """Check float32 `samples` of shape `(samples, channels)` and average the channels."""
    num_samples, num_channels = samples.shape
    if num_channels > MAX_CHANNELS:
        raise AudioError(
            name, f"has {num_channels} channels; allowed are 1 and 2: choose one or mix down to mono before"
        )
    if num_samples == 0:
        raise AudioError(name, _NO_SAMPLES)
    lowest, highest = float(samples.min()), float(samples.max())  # both are NaN if one sample is
    if not math.isfinite(lowest) or not math.isfinite(highest):
        num_bad = int(np.count_nonzero(~np.isfinite(samples)))
        raise AudioError(
            name,
            f"has {num_bad} samples that are NaN or infinite; allowed are finite samples: repair or drop the clip",
        )
    peak = max(-lowest, highest)
    if peak > MAX_PEAK:
        raise AudioError(
            name,
            f"has floating-point samples up to {peak:g}; allowed is [-1, 1]: divide by the full scale (32768 for "
            "16-bit values) or give an int16 array",
        )
    mono: npt.NDArray[np.float32] = samples[:, 0] if num_channels == 1 else samples.mean(axis=1, dtype=np.float32)
    return mono


def _check_rates(source_rate: int, sampling_rate: int, name: str) -> None:
    divisor = math.gcd(source_rate, sampling_rate)
    if (source_rate // divisor) * (sampling_rate // divisor) > MAX_RESAMPLING_KERNEL:
        raise AudioError(
            name,
            f"cannot be resampled from {source_rate} Hz to {sampling_rate} Hz: the two rates have too small a common "
            f"divisor ({divisor}); save it at a usual rate first, such as {sampling_rate} Hz",
        )


def _at_rate(
    mono: Iterator[npt.NDArray[np.float32]], source_rate: int, sampling_rate: int, name: str, resample: Resampler
) -> Iterator[npt.NDArray[np.float32]]:
    """Blocks of samples at `sampling_rate`, of blocks at `source_rate`."""
    if source_rate == sampling_rate:
        return mono
    _check_rates(source_rate, sampling_rate, name)
    return resampled_blocks(
        mono, source_rate, sampling_rate, lambda block: resample(block, source_rate, sampling_rate)
    )


def _resample(mono: npt.NDArray[np.float32], source_rate: int, sampling_rate: int) -> npt.NDArray[np.float32]:
    check_torchaudio()
    import torch  # here, because reading a file that has the right rate already does not need the seconds it takes
    from torchaudio.functional import resample

    resampled: npt.NDArray[np.float32] = resample(torch.from_numpy(mono), source_rate, sampling_rate).numpy()
    return resampled

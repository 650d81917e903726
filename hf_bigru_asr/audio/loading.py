"""Mono float32 audio at one sampling rate, from a file, bytes, an open file or an array."""

import operator
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, groupby
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from .._registration import check_torchaudio
from ..model.waveforms_bigru_ctc import WaveformError, mono_waveform
from .channels import Channels, check_channels, selected
from .findings import AudioError, AudioWarning, Findings, OnDamage, Warn, check_on_damage, issue_warning
from .limits import MAX_RATE_HZ, MIN_RATE_HZ
from .resampling import blocks_at_rate, has_large_kernel, resample_directly
from .sound_files import UnstatedLengthError, audio_duration_s, decoded_blocks
from .sources import Source, open_source

__all__ = [
    "SAMPLING_RATE",
    "AudioError",
    "AudioWarning",
    "Channels",
    "OnDamage",
    "UnstatedLengthError",
    "audio_duration_s",
    "count_channels",
    "iterate_audio",
    "load_audio",
    "to_int16",
    "to_mono_float32",
]

SAMPLING_RATE = 16_000

Resampler = Callable[[npt.NDArray[np.float32], int, int], npt.NDArray[np.float32]]
"""Turns `(samples,)` at one rate in hertz into samples at another."""

_NO_SAMPLES = "has no samples; give at least one sample"


def load_audio(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    sampling_rate: int = SAMPLING_RATE,
    resample: Resampler | None = None,
    channels: Channels = "mix",
    on_damage: OnDamage = "error",
) -> npt.NDArray[np.float32]:
    """Return the audio of one file as mono float32 samples.

    Two channels are averaged; more are mixed by ffmpeg, by the layout that the file states. Of two channels with
    opposite phase the first is taken, with a warning. Peaks up to 6 dB over full scale, which lossy decoders produce,
    are clipped.

    Times are those of the medium: where the sound of a film begins after the picture, or where its time stamps have a
    hole, there is silence of that length.

    Args:
        source: Path of a file or a pipe, the bytes of a file, or what is open for binary reading (from its position).
        sampling_rate: Rate of the result in hertz, 2,000 to 768,000.
        resample: Resampling function; `torchaudio.functional.resample` if `None`. Not called at the right rate, nor
            for two rates whose common divisor is small.
        channels: Their mix, `"mix"`; each on its own, `"split"`; or the number of one, the first of which is 0.
        on_damage: Refuse a damaged or cut file, `"error"`, or return what is left of it and issue an `AudioWarning`
            that says how much, `"warn"`.

    Returns:
        Array of shape `(samples,)`, or `(channels, samples)` for `"split"`; float32 in [-1, 1], at least one sample.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: A folder, an empty, damaged or cut file, an unsupported format, a playlist or another file that
            names files, no samples, NaN or infinite samples, float samples that are not scaled to [-1, 1], a rate
            beyond 2,000 to 768,000 Hz, more than 256 channels, or no such channel.
        TypeError: `source`, `sampling_rate` or `channels` is of another type.
        ValueError: `sampling_rate`, `channels` or `on_damage` has another value.

    Warns:
        AudioWarning: The file was read, but not as its header says, or not all of it.

    Example:
        >>> import io, numpy, soundfile
        >>> file = io.BytesIO()
        >>> soundfile.write(file, numpy.zeros((48_000, 2)), 48_000, format="FLAC")
        >>> load_audio(file.getvalue()).shape
        (16000,)
        >>> load_audio(file.getvalue(), channels="split").shape
        (2, 16000)
    """
    blocks = list(
        iterate_audio(source, sampling_rate=sampling_rate, resample=resample, channels=channels, on_damage=on_damage)
    )
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=-1)


def iterate_audio(
    source: str | os.PathLike[str] | bytes | BinaryIO | Source,
    *,
    sampling_rate: int = SAMPLING_RATE,
    resample: Resampler | None = None,
    channels: Channels = "mix",
    on_damage: OnDamage = "error",
    warn: Warn | None = None,
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the audio of one file in blocks of some seconds.

    Only some megabytes of the file and a few blocks are in memory, however long the recording is. A pipe is read to
    its end first, into a temporary file if it is long.

    Args:
        source: As in `load_audio`, or a recording that is open already.
        sampling_rate: Rate of the result in hertz.
        resample: As in `load_audio`.
        channels: As in `load_audio`.
        on_damage: As in `load_audio`.
        warn: Gets warnings; if `None`, they are issued as `AudioWarning`.

    Yields:
        Arrays of shape `(samples,)`, or `(channels, samples)`; joined they are what `load_audio` returns.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: As in `load_audio`. Some damage is found only after the blocks before it.
        TypeError: As in `load_audio`.
        ValueError: As in `load_audio`.
    """
    rate = _checked_rate(sampling_rate, "sampling_rate")
    check_channels(channels)
    check_on_damage(on_damage)
    opened = open_source(source)
    findings = Findings(opened.name, on_damage, warn or issue_warning)
    blocks = decoded_blocks(opened, findings, mix=channels == "mix")
    first = next(blocks, None)
    if first is None:
        raise AudioError(opened.name, findings.damages[0] if findings.damages else _NO_SAMPLES)
    num_samples = 0
    # The links of a chained Ogg file may have several rates.
    for source_rate, group in groupby(chain([first], blocks), key=operator.itemgetter(1)):
        taken = selected(group, channels, findings)
        for block in blocks_at_rate(taken, source_rate, rate, resample or _resample):
            num_samples += block.shape[-1]
            yield block.clip(-1.0, 1.0)
    findings.report(num_samples / rate)


def count_channels(source: str | os.PathLike[str] | bytes | BinaryIO | Source) -> int:
    """Return how many channels a recording has.

    Args:
        source: As in `iterate_audio`.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: It cannot be read.
        TypeError: `source` is of another type.
    """
    opened = open_source(source)
    blocks = decoded_blocks(opened, Findings(opened.name, "warn", lambda _: None), mix=False)
    with closing(blocks):  # type: ignore[type-var] # a generator
        first = next(blocks, None)
    if first is None:
        raise AudioError(opened.name, _NO_SAMPLES)
    return first[0].shape[1]


def to_mono_float32(
    array: Any,  # noqa: ANN401 - numpy arrays, torch tensors (without importing torch) and nested lists alike
    sampling_rate_from: int,
    sampling_rate_to: int = SAMPLING_RATE,
) -> npt.NDArray[np.float32]:
    """Return samples held in memory as mono float32 samples at another rate.

    Types, scales and shapes are those of [`mono_waveform`], as for the feature extractor. In short: floats in
    [-1, 1], or integers at full scale; the mean of two channels; peaks up to 6 dB over full scale are clipped.

    Args:
        array: Samples of shape `(samples,)`, `(1, samples)` or `(2, samples)`: a numpy array, a torch tensor or lists.
        sampling_rate_from: Rate of `array` in hertz.
        sampling_rate_to: Rate of the result in hertz.

    Returns:
        Array of shape `(samples,)`, float32 in [-1, 1], at least one sample. Never a view of `array`.

    Raises:
        AudioError: No samples, channels last, more than two channels, NaN or infinite samples, or floating-point
            samples that are not scaled to [-1, 1].
        TypeError: The samples are neither floating-point nor int8, int16, int32 or uint8; a rate is no integer.
        ValueError: A rate is not between 2,000 and 768,000 Hz.

    Example:
        >>> import numpy
        >>> to_mono_float32(numpy.array([[0, 16384], [0, -8192]], dtype=numpy.int16), 16_000)
        array([0.   , 0.125], dtype=float32)
    """
    rate_from = _checked_rate(sampling_rate_from, "sampling_rate_from")
    rate_to = _checked_rate(sampling_rate_to, "sampling_rate_to")
    try:
        mono = mono_waveform(array, clip=False)
    except WaveformError as error:
        raise AudioError("array", error.problem) from error
    if rate_from != rate_to:
        resample = resample_directly if has_large_kernel(rate_from, rate_to) else _resample
        mono = resample(mono, rate_from, rate_to)
    return mono.clip(-1.0, 1.0)


def to_int16(waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Return samples in [-1, 1] as 16-bit integers: times 32768, rounded, clipped.

    This inverts the reading of a 16-bit file exactly.
    """
    return np.clip(np.rint(waveform * 32768), -32768, 32767).astype(np.int16)


def _checked_rate(value: int, name: str) -> int:
    try:
        rate = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name} is {value!r}; it must be an integer in hertz, such as 16000") from error
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ or isinstance(value, bool):
        raise ValueError(
            f"{name} is {value!r}; it must be an integer in hertz from {MIN_RATE_HZ} to {MAX_RATE_HZ}, such as 16000"
        )
    return rate


def _resample(mono: npt.NDArray[np.float32], source_rate: int, sampling_rate: int) -> npt.NDArray[np.float32]:
    check_torchaudio()
    import torch  # here, because reading a file that has the right rate already does not need the seconds it takes
    from torchaudio.functional import resample

    resampled: npt.NDArray[np.float32] = resample(torch.from_numpy(mono), source_rate, sampling_rate).numpy()
    return resampled

"""Samples in any form that people have them in, as the feature extractor needs them."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

__all__ = ["AudioArray", "list_of_waveforms", "mono_waveform"]

MAX_CHANNELS = 2
INT16_SCALE = 32768.0

AudioArray = np.ndarray | torch.Tensor | Sequence[float]


def list_of_waveforms(raw_speech: AudioArray | Sequence[AudioArray]) -> list[torch.Tensor]:
    """Mono float32 samples `(samples,)`, checked, of one utterance or each of a batch.

    Args:
        raw_speech: One utterance `(samples,)`, a batch `(batch, samples)` or `(batch, channels, samples)`, or a list
            of utterances.

    Raises:
        ValueError: If there is none, or as [`mono_waveform`].
        TypeError: As [`mono_waveform`].
    """
    _check_is_array(raw_speech)
    if isinstance(raw_speech, np.ndarray | torch.Tensor):
        if raw_speech.ndim == 2 and _is_channels_last(raw_speech.shape):
            raise ValueError(_channels_last_message(raw_speech.shape))
        utterances = list(raw_speech) if raw_speech.ndim in (2, 3) else [raw_speech]
    elif len(raw_speech) > 0 and np.ndim(raw_speech[0]) == 0:
        utterances = [raw_speech]
    else:
        utterances = list(raw_speech)
    if not utterances:
        raise ValueError("The batch of audio is empty; give at least one utterance.")
    return [mono_waveform(utterance) for utterance in utterances]


def mono_waveform(audio: AudioArray, first_sample: int = 0) -> torch.Tensor:
    """Mono float32 samples `(samples,)`, checked, of one utterance or of a part of it.

    Args:
        audio: `(samples,)` or `(channels, samples)`.
        first_sample: Which sample of the utterance the first one is, for messages.

    Raises:
        ValueError: If it is empty, has NaN or infinite samples, more than two channels, or the channels last.
        TypeError: If the samples are neither floats nor 16-bit integers, or if it is a path or a dictionary.
    """
    _check_is_array(audio)
    waveform = audio.detach() if isinstance(audio, torch.Tensor) else _tensor_of(audio)
    if waveform.dtype == torch.int16:
        waveform = waveform.to(torch.float32) / INT16_SCALE
    elif not waveform.is_floating_point() and waveform.numel():
        raise TypeError(f"The audio has samples of type {waveform.dtype}; give floats in [-1, 1] or 16-bit integers.")
    waveform = waveform.to(torch.float32)
    if waveform.numel() == 0:
        raise ValueError("The audio is empty; give at least one sample.")
    if waveform.dim() == 2:
        if _is_channels_last(waveform.shape):
            raise ValueError(_channels_last_message(waveform.shape))
        if waveform.shape[0] > MAX_CHANNELS:
            raise ValueError(
                f"The audio has {waveform.shape[0]} channels (shape {tuple(waveform.shape)}); one or two are allowed. "
                "Select or mix the channels first."
            )
        waveform = waveform.mean(0)
    if waveform.dim() != 1:
        raise ValueError(
            f"The audio has the shape {tuple(waveform.shape)}; an utterance is (samples,) or (channels, samples)."
        )
    lowest, highest = torch.aminmax(waveform)  # both are NaN if one sample is
    if not math.isfinite(lowest) or not math.isfinite(highest):
        finite = torch.isfinite(waveform)
        first = first_sample + int((~finite).nonzero()[0])
        raise ValueError(
            f"The audio has {int((~finite).sum())} NaN or infinite samples, the first at sample {first}; all samples "
            "must be finite. Repair or leave out the recording."
        )
    return waveform


def _check_is_array(audio: object) -> None:
    if isinstance(audio, str | bytes | Mapping) or not hasattr(audio, "__len__"):
        raise TypeError(
            f"The audio is of type {type(audio).__name__}; give its samples as a NumPy array, a tensor or a list. "
            "hf_bigru_asr.audio.load_audio reads files."
        )


def _is_channels_last(shape: Sequence[int]) -> bool:
    return shape[-1] <= 8 < shape[-2]


def _channels_last_message(shape: Sequence[int]) -> str:
    return (
        f"The audio has the shape {tuple(shape)}, which looks like (samples, channels); give one channel as "
        "(samples,) or transpose it to (channels, samples)."
    )


def _tensor_of(audio: np.ndarray | Sequence[float]) -> torch.Tensor:
    # A copy, since torch takes neither negative strides nor, without a warning, what the pipeline reads from bytes.
    array = np.array(audio, order="C")
    if array.dtype.kind not in "biufc":
        raise TypeError(f"The audio has samples of type {array.dtype}; give floats in [-1, 1] or 16-bit integers.")
    return torch.from_numpy(array)

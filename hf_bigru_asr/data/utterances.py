"""Audio, duration and transcript of one row of a data set."""

from pathlib import Path

import numpy as np

from ..audio.findings import damage_is_refused
from ..audio.loading import (
    SAMPLING_RATE,
    UnstatedLengthError,
    audio_duration_s,
    iterate_audio,
    load_audio,
    to_mono_float32,
)
from .manifests.parts import parse_part

__all__ = ["load_utterance", "utterance_duration_s", "utterance_source", "utterance_text"]


@damage_is_refused()
def utterance_source(audio: object, sampling_rate: int) -> str | Path | bytes | np.ndarray:
    """One entry of an audio column as `transcription.network.Network` reads it: a file, or samples.

    Args:
        audio: As in [`load_utterance`].
        sampling_rate: Sampling rate of the samples in Hz; a file keeps its own.

    Returns:
        The path or the bytes of a file that is not read yet, or `(samples,)` float32; so is a part of a recording.

    Raises:
        ValueError: If the audio is in none of these forms, or the samples are broken or empty.
    """
    if isinstance(audio, dict) and audio.get("array") is not None:
        return to_mono_float32(audio["array"], audio["sampling_rate"], sampling_rate)
    source = _encoded(audio)
    part = None if isinstance(source, bytes) else parse_part(source)
    return source if part is None else part.load(sampling_rate)


@damage_is_refused()
def load_utterance(audio: object, sampling_rate: int) -> np.ndarray:
    """Waveform of one entry of an audio column.

    Args:
        audio: `{"bytes", "path"}` or `{"array", "sampling_rate"}` as `datasets` gives them, a path, or bytes. A path
            can name a part of a recording, see `hf_bigru_asr.data.manifests.parts.parse_part`.
        sampling_rate: Sampling rate of the result in Hz.

    Returns:
        `(samples,)` float32.

    Raises:
        ValueError: If the audio is broken, empty or in none of these forms.
    """
    source = utterance_source(audio, sampling_rate)
    return source if isinstance(source, np.ndarray) else load_audio(source, sampling_rate=sampling_rate)


@damage_is_refused()
def utterance_duration_s(audio: object) -> float:
    """Seconds of one entry of an audio column, from its header, or by decoding where the header has no length.

    Args:
        audio: As in [`load_utterance`].

    Raises:
        ValueError: If the audio is in none of these forms, or it is broken.
    """
    if isinstance(audio, dict) and audio.get("array") is not None:
        return np.shape(audio["array"])[-1] / float(audio["sampling_rate"])  # (samples,) or (channels, samples)
    source = _encoded(audio)
    if not isinstance(source, bytes) and (part := parse_part(source)) is not None:
        return part.duration_s()
    try:
        return audio_duration_s(source)
    except UnstatedLengthError:  # M4A for example, or FLAC that was written into a pipe
        return sum(map(len, iterate_audio(source))) / SAMPLING_RATE


def utterance_text(text: object) -> str:
    """One entry of a text column.

    Raises:
        ValueError: If it is no text; an empty cell is none.
    """
    if not isinstance(text, str):
        raise ValueError(f"The text column holds a {type(text).__name__}; give a string, or leave the row out.")
    return text


def _encoded(audio: object) -> str | Path | bytes:
    """The path or the bytes of an audio file."""
    if isinstance(audio, dict):
        audio = audio["bytes"] if audio.get("bytes") is not None else audio.get("path")
    if not isinstance(audio, str | Path | bytes):
        raise ValueError(
            f"The audio column holds a {type(audio).__name__}; cast it with cast_column(name, Audio(decode=False)), "
            "or give a path, bytes, or a dictionary with array and sampling_rate."
        )
    return audio

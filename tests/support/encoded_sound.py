"""Tones, and sound files of them in memory."""

import io

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

Samples = npt.NDArray[np.float32]


# Format and subtype of soundfile, and the largest error of a sample that the codec may make on the test signal.
CODECS = [
    pytest.param("WAV", "PCM_16", 1 / 32768, id="wav"),
    pytest.param("WAV", "FLOAT", 0.0, id="wav-float"),
    pytest.param("WAV", "PCM_24", 1e-6, id="wav-24-bit"),
    pytest.param("WAVEX", "PCM_16", 1 / 32768, id="wavex"),
    pytest.param("RF64", "PCM_16", 1 / 32768, id="rf64"),
    pytest.param("AIFF", "PCM_16", 1 / 32768, id="aiff"),
    pytest.param("FLAC", "PCM_16", 1 / 32768, id="flac"),
    pytest.param("OGG", "VORBIS", 0.05, id="vorbis"),
    pytest.param("OGG", "OPUS", 0.05, id="opus"),
    pytest.param("MP3", "MPEG_LAYER_III", 0.05, id="mp3"),
]


def make_tone(frequency_hz: float, rate: int, num_samples: int, amplitude: float = 0.5) -> Samples:
    phase = 2 * np.pi * frequency_hz * np.arange(num_samples) / rate
    return (amplitude * np.sin(phase)).astype(np.float32)


def encode(samples: npt.ArrayLike, rate: int = 16_000, format: str = "WAV", subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.asarray(samples), rate, format=format, subtype=subtype)
    return file.getvalue()

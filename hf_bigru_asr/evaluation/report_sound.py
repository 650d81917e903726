"""What a report tells of the sound of an utterance: level, signal-to-noise ratio, and a small file to play."""

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile

from ..audio.loading import SAMPLING_RATE

__all__ = ["SNR_METHOD", "SoundFigures", "encode_mp3", "measure_sound"]

FRAME_SAMPLES = 320
"""Samples of a frame at 16 kHz: 20 ms."""

NOISE_PERCENTILE, SPEECH_PERCENTILE = 10, 95
MAX_SNR_DB = 99.0
"""What stands for more, digital silence between the words for example."""

SNR_METHOD = (
    "The signal-to-noise ratio is an estimate: the 95th percentile of the power of frames of 20 ms, less the noise, "
    "over the noise, which is the 10th percentile. Speech without a pause looks noisier than it is."
)

_COMPRESSION = 0.9
"""Of libsndfile's MP3: 24 kbit/s for one channel at 16 kHz."""


@dataclass(frozen=True)
class SoundFigures:
    """Figures of one utterance.

    Args:
        duration_s: Its length.
        level_db: Root mean square in dB of full scale; `None` for digital silence.
        snr_db: Estimated signal-to-noise ratio in dB, see `SNR_METHOD`; `None` where there is no signal above noise.
    """

    duration_s: float
    level_db: float | None
    snr_db: float | None


def measure_sound(waveform: npt.NDArray[np.float32]) -> SoundFigures:
    """Length, level and signal-to-noise ratio of an utterance.

    Args:
        waveform: `(samples,)` at 16 kHz.

    Returns:
        The ratio is that of percentiles of the power of frames, a simple form of the STNR of NIST, whose signal is the
        95th percentile too.

    Source: NIST Speech Quality Assurance Package 2.3, `stnr`.

    Example:
        >>> figures = measure_sound(np.full(16000, 0.1, np.float32))
        >>> figures.duration_s, round(figures.level_db, 1), figures.snr_db
        (1.0, -20.0, None)
    """
    samples = np.asarray(waveform, np.float64)
    power = float(np.mean(samples**2)) if len(samples) else 0.0
    level_db = 10 * float(np.log10(power)) if power else None
    num_frames = max(len(samples) // FRAME_SAMPLES, 1)
    frames = np.resize(samples, num_frames * FRAME_SAMPLES) if len(samples) < FRAME_SAMPLES else samples
    frames = frames[: num_frames * FRAME_SAMPLES].reshape(num_frames, -1)
    noise, speech = np.percentile((frames**2).mean(1), [NOISE_PERCENTILE, SPEECH_PERCENTILE])
    return SoundFigures(len(samples) / SAMPLING_RATE, level_db, _ratio_db(float(speech - noise), float(noise)))


def _ratio_db(signal: float, noise: float) -> float | None:
    if signal <= noise * 1e-6:
        return None
    ratio_db = 10 * float(np.log10(signal / noise)) if noise else MAX_SNR_DB
    return min(ratio_db, MAX_SNR_DB)


def encode_mp3(waveform: npt.NDArray[np.float32]) -> bytes:
    """A small file that every browser plays: MP3 at a constant 24 kbit/s, 3 kB a second.

    Args:
        waveform: `(samples,)` at 16 kHz, at least one sample.
    """
    file = io.BytesIO()
    soundfile.write(
        file,
        waveform,
        SAMPLING_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=_COMPRESSION,
    )
    return file.getvalue()

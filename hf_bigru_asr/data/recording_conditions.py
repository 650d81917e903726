"""Conditions of people's recordings: silence around the speech, telephones, levels, and sounds that are no speech.

Everything that is random is drawn from a generator that the caller passes.
"""

import numpy as np
import numpy.typing as npt

from .augmentation import NOISE_SLOPE_DB, coloured_noise

__all__ = ["add_random_silence", "change_random_level", "speechless_sound", "through_random_telephone"]

Waveform = npt.NDArray[np.float32]

SILENCE_S = (0.2, 6.0)
"""Range of the silence on a side, drawn on a logarithmic scale."""
SIDE_PROB = 0.75
"""How often there is silence on a side."""
SILENCE_NOISE_PROB = 0.6
"""How often that is noise, and not zeros."""
SILENCE_DB = (-75.0, -38.0)
"""Range of the level of that noise below full scale."""
TELEPHONE_LOW_HZ = (80.0, 350.0)
TELEPHONE_HIGH_HZ = (3000.0, 3900.0)
TELEPHONE_FALL_HZ = 200.0
"""From where the band is whole to where it ends."""
MU = 255.0
LEVEL_DB = (-35.0, 10.0)
"""Range of the change of level; what passes full scale is clipped."""
SPEECHLESS_S = (2.0, 10.0)


def add_random_silence(
    waveform: Waveform, sampling_rate: int, rng: np.random.Generator, silence_s: tuple[float, float] = SILENCE_S
) -> tuple[Waveform, int]:
    """`waveform` with zeros or quiet noise before it, after it, or both.

    Args:
        waveform: `(samples,)` in [-1, 1].
        sampling_rate: In hertz.
        rng: Source of randomness.
        silence_s: Range of the seconds on a side, drawn uniformly on a logarithmic scale.

    Returns:
        `(before + samples + after,)`, and the samples before.
    """
    before, after = (
        round(float(np.exp(rng.uniform(*np.log(silence_s)))) * sampling_rate) if rng.random() < SIDE_PROB else 0
        for _ in range(2)
    )
    padded = np.pad(waveform, (before, after))
    if rng.random() < SILENCE_NOISE_PROB and before + after:
        noise = coloured_noise(len(padded), float(rng.uniform(*NOISE_SLOPE_DB)), rng)
        padded = padded + np.float32(10 ** (rng.uniform(*SILENCE_DB) / 20)) * noise
    return padded.astype(np.float32, copy=False), before


def through_random_telephone(waveform: Waveform, sampling_rate: int, rng: np.random.Generator) -> Waveform:
    """`waveform` in the band of a telephone, most often with the 8 bits of its mu-law.

    Args:
        waveform: `(samples,)` in [-1, 1].
        sampling_rate: In hertz.
        rng: Source of randomness.

    Returns:
        `(samples,)`.

    Source: the quantisation is that of ITU-T G.711 with its continuous mu-law.
    """
    size = 1 << (len(waveform) - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / sampling_rate)
    low, high = float(rng.uniform(*TELEPHONE_LOW_HZ)), float(rng.uniform(*TELEPHONE_HIGH_HZ))
    gain = np.interp(hertz, [low / 2, low, high, high + TELEPHONE_FALL_HZ], [0.0, 1.0, 1.0, 0.0])
    band = np.fft.irfft(np.fft.rfft(waveform, size) * gain, size)[: len(waveform)]
    if rng.random() < 0.7:
        compressed = np.sign(band) * np.log1p(MU * np.minimum(np.abs(band), 1.0)) / np.log1p(MU)
        compressed = np.round(compressed * 127) / 127
        band = np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(MU)) / MU
    return band.astype(np.float32)


def change_random_level(waveform: Waveform, rng: np.random.Generator) -> Waveform:
    """`waveform` `(samples,)` at another level; what passes full scale is clipped, as recorders do."""
    return np.clip(waveform * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20)), -1.0, 1.0)


def speechless_sound(duration_s: float, sampling_rate: int, rng: np.random.Generator) -> Waveform:
    """Notes, tones and bursts of noise at a random level.

    Args:
        duration_s: Length in seconds.
        sampling_rate: Sampling rate in Hz.
        rng: Source of randomness.

    Returns:
        `(samples,)` float32 in [-1, 1].
    """
    num_samples = round(duration_s * sampling_rate)
    sound = np.zeros(num_samples)
    is_tonal, pace_s = rng.random() < 0.7, rng.uniform(0.1, 1.2)
    for _ in range(1 + round(duration_s / pace_s * rng.uniform(0.5, 3))):
        start = int(rng.integers(num_samples))
        size = min(num_samples - start, round(pace_s * rng.uniform(0.3, 3) * sampling_rate))
        time_s = np.arange(size) / sampling_rate
        if is_tonal:
            hertz, fall = np.exp(rng.uniform(np.log(80), np.log(2500))), rng.uniform(0.5, 2)
            orders = np.arange(1, 1 + int(rng.integers(1, 12)))
            vibrato = rng.uniform(0, 0.01) * np.sin(2 * np.pi * rng.uniform(3, 7) * time_s)
            phases = 2 * np.pi * np.outer(orders * hertz, time_s + vibrato / 10)
            part = (np.sin(phases) / orders[:, None] ** fall)[orders * hertz < sampling_rate / 2].sum(0)
        else:
            part = coloured_noise(size, rng.uniform(-6, 3), rng)
        attack = np.minimum(1, time_s / rng.uniform(0.002, 0.1))
        sound[start : start + size] += rng.uniform(0.2, 1) * part * attack * np.exp(-time_s / rng.uniform(0.05, 2))
    sound /= max(float(np.sqrt(np.mean(np.square(sound)))), 1e-9)
    sound += 10 ** (rng.uniform(-60, 0) / 20) * coloured_noise(num_samples, rng.uniform(*NOISE_SLOPE_DB), rng)
    return np.clip(10 ** (rng.uniform(-45, -15) / 20) * sound, -1, 1).astype(np.float32)

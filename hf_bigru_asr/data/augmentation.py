"""Distortions of waveforms and features that leave the words as they are.

Everything that is random is drawn from a generator that the caller passes, so that the same generator state gives the
same result.
"""

import numpy as np
import numpy.typing as npt

__all__ = [
    "add_noise",
    "add_random_noise",
    "add_random_room",
    "add_reverberation",
    "coloured_noise",
    "mel_warp_matrix",
]

Waveform = npt.NDArray[np.float32]

DECAY_S = (0.1, 0.6)
"""Range of the decay time of rooms in which people read."""
DIRECT_DB = (3.0, 20.0)
"""Range of the direct sound over the tail, from some metres to a headset."""
NOISE_SLOPE_DB = (-6.0, 0.0)
"""Range of the slope of noise per octave, from red to white."""

# Reverberation: from the direct sound to the first reflection, and the drop by which its length is defined.
_FIRST_REFLECTION_S = 0.002
_DECAY_DB = 60.0


def coloured_noise(num_samples: int, slope_db_per_octave: float, rng: np.random.Generator) -> Waveform:
    """Stationary Gaussian noise of power one, whose power spectrum falls by a fixed slope.

    Args:
        num_samples: Length of the result.
        slope_db_per_octave: 0 for white, -3 for pink, -6 for red noise.
        rng: Source of randomness.

    Returns:
        `(num_samples,)`.

    Raises:
        ValueError: If `num_samples` is not positive.
    """
    if num_samples < 1:
        raise ValueError(f"num_samples is {num_samples}; it must be at least 1.")
    # A power of two, for a fast transform; the rest is cut off.
    size = max(2, 1 << (num_samples - 1).bit_length())
    spectrum = np.fft.rfft(rng.standard_normal(size))
    bins = np.arange(len(spectrum), dtype=np.float64)
    # No power at zero frequency: it would be an offset.
    bins[0] = np.inf if slope_db_per_octave < 0 else 1.0
    spectrum *= bins ** (slope_db_per_octave / (20 * np.log10(2)))
    noise = np.fft.irfft(spectrum, size)[:num_samples]
    return (noise / max(float(np.sqrt(np.mean(noise**2))), np.finfo(np.float64).tiny)).astype(np.float32)


def add_noise(
    waveform: Waveform, signal_to_noise_db: float, rng: np.random.Generator, slope_db_per_octave: float = -3.0
) -> Waveform:
    """`waveform` with stationary noise.

    Args:
        waveform: `(samples,)`; silence stays silence.
        signal_to_noise_db: Mean power of the whole waveform over that of the noise.
        rng: Source of randomness.
        slope_db_per_octave: Colour of the noise, see [`coloured_noise`].

    Returns:
        `(samples,)`.
    """
    level = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) * 10 ** (-signal_to_noise_db / 20)
    return waveform + np.float32(level) * coloured_noise(len(waveform), slope_db_per_octave, rng)


def add_reverberation(
    waveform: Waveform,
    decay_s: float,
    direct_to_reverberant_db: float,
    sampling_rate: int,
    rng: np.random.Generator,
) -> Waveform:
    """`waveform` in a room that is drawn at random: the sound itself, then a diffuse tail that decays exponentially.

    Args:
        waveform: `(samples,)`.
        decay_s: Time in which the tail falls by 60 dB.
        direct_to_reverberant_db: Energy of the direct sound over that of the tail.
        sampling_rate: In hertz.
        rng: Source of randomness.

    Returns:
        `(samples,)`, with the tail after the last sample cut off and nothing delayed.

    Raises:
        ValueError: If `decay_s` is not positive.

    Source: J. A. Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979: the impulse response
        of a room is much like white noise under an exponential.
    """
    if decay_s <= 0:
        raise ValueError(f"decay_s is {decay_s}; a tail needs a positive time to decay.")
    first = max(1, round(_FIRST_REFLECTION_S * sampling_rate))
    time_s = np.arange(first, first + max(1, round(decay_s * sampling_rate))) / sampling_rate
    tail = rng.standard_normal(len(time_s)) * 10 ** (-_DECAY_DB / 20 * time_s / decay_s)
    tail *= 10 ** (-direct_to_reverberant_db / 20) / np.sqrt(np.sum(tail**2))
    response = np.concatenate([[1.0], np.zeros(first - 1), tail])
    size = 1 << (len(waveform) + len(response) - 2).bit_length()
    reverberant = np.fft.irfft(np.fft.rfft(waveform, size) * np.fft.rfft(response, size), size)
    return reverberant[: len(waveform)].astype(np.float32)


def add_random_room(
    waveform: Waveform,
    sampling_rate: int,
    rng: np.random.Generator,
    decay_s: tuple[float, float] = DECAY_S,
    direct_to_reverberant_db: tuple[float, float] = DIRECT_DB,
) -> Waveform:
    """`waveform` in a room of random decay time and reverberation: see [`add_reverberation`].

    Args:
        waveform: `(samples,)`.
        sampling_rate: In hertz.
        rng: Source of randomness.
        decay_s: Range of the decay time, drawn uniformly on a logarithmic scale.
        direct_to_reverberant_db: Range of the direct sound over the tail.
    """
    decay = float(np.exp(rng.uniform(*np.log(decay_s))))
    return add_reverberation(waveform, decay, float(rng.uniform(*direct_to_reverberant_db)), sampling_rate, rng)


def add_random_noise(
    waveform: Waveform, signal_to_noise_db: tuple[float, float], rng: np.random.Generator
) -> Waveform:
    """`waveform` `(samples,)` with noise of random colour and a ratio drawn from a range: see [`add_noise`]."""
    ratio_db = float(rng.uniform(*signal_to_noise_db))
    return add_noise(waveform, ratio_db, rng, slope_db_per_octave=float(rng.uniform(*NOISE_SLOPE_DB)))


def mel_warp_matrix(num_mel_bins: int, factor: float, fmin_hz: float, fmax_hz: float) -> npt.NDArray[np.float32]:
    """Matrix that moves log-mel features as a vocal tract of another length does.

    Bin `i` of the result is what stood at its centre frequency divided by `factor`, interpolated between the two bins
    around it; above the highest bin the highest is repeated.

    Args:
        num_mel_bins: Bins of the features, equally spaced on the HTK mel scale.
        factor: Factor of all resonances: above 1 a shorter vocal tract.
        fmin_hz: Lower edge of the filter bank.
        fmax_hz: Upper edge of the filter bank.

    Returns:
        `(num_mel_bins, num_mel_bins)`; `features @ matrix` warps `(frames, num_mel_bins)`.

    Raises:
        ValueError: If `factor` is not positive.

    Source: N. Jaitly, G. E. Hinton, "Vocal tract length perturbation (VTLP) improves speech recognition", ICML
        workshop 2013; a linear warp without its bend near the upper edge.
    """
    if factor <= 0:
        raise ValueError(f"factor is {factor}; resonances can only be multiplied by a positive number.")
    lowest, highest = (2595.0 * float(np.log10(1.0 + edge_hz / 700.0)) for edge_hz in (fmin_hz, fmax_hz))
    centres = np.linspace(lowest, highest, num_mel_bins + 2)[1:-1]
    sources = 2595.0 * np.log10(1.0 + 700.0 * (10 ** (centres / 2595.0) - 1.0) / factor / 700.0)
    positions = np.clip(
        (sources - centres[0]) / max((highest - lowest) / (num_mel_bins + 1), 1e-9), 0, num_mel_bins - 1
    )
    lower = np.floor(positions).astype(int)
    upper = np.minimum(lower + 1, num_mel_bins - 1)
    share = positions - lower
    matrix = np.zeros((num_mel_bins, num_mel_bins))
    targets = np.arange(num_mel_bins)
    np.add.at(matrix, (lower, targets), 1 - share)
    np.add.at(matrix, (upper, targets), share)
    return matrix.astype(np.float32)

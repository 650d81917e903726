"""A log-mel front end written with numpy's FFT, one frame at a time, and noise to compute it of."""

import math

import numpy as np

from hf_bigru_asr import BiGRUCTCFeatureExtractor

RATE_HZ = 16_000
HOP = 320


def noise(num_samples: int, seed: int = 0) -> np.ndarray:
    """Noise on the grid of 16-bit samples, so that every type of number holds it exactly."""
    samples = np.random.default_rng(seed).normal(0.0, 3000.0, num_samples)
    return (samples.round().clip(-32768, 32767) / 32768).astype(np.float32)


def mel_triangles(num_bins: int, num_mels: int, fmin: float, fmax: float, rate_hz: int) -> np.ndarray:
    """`(bins, mels)`: triangles with a peak of one between neighbouring points of the HTK mel scale."""
    points_mel = np.linspace(2595 * math.log10(1 + fmin / 700), 2595 * math.log10(1 + fmax / 700), num_mels + 2)
    points_hz = 700 * (10 ** (points_mel / 2595) - 1)
    left, centre, right = points_hz[:-2], points_hz[1:-1], points_hz[2:]
    hertz = np.linspace(0, rate_hz / 2, num_bins)[:, None]
    return np.minimum((hertz - left) / (centre - left), (right - hertz) / (right - centre)).clip(min=0)


def reference_log_mel(
    audio: np.ndarray,
    *,
    feature_size: int = 128,
    sampling_rate: int = RATE_HZ,
    hop_length: int = HOP,
    win_length: int = 512,
    n_fft: int = 1024,
    fmin: float = 0.0,
    fmax: float | None = None,
    mel_floor: float = 1e-6,
) -> np.ndarray:
    """Unnormalised features in double precision, with every window centred on its frame's samples."""
    fmax = sampling_rate / 2 if fmax is None else fmax
    bank = mel_triangles(n_fft // 2 + 1, feature_size, fmin, fmax, sampling_rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    margin = np.zeros(win_length)
    surrounded = np.concatenate([margin, audio.astype(np.float64), margin, np.zeros(hop_length)])
    frames = []
    for start in range(0, len(audio), hop_length):
        first = start + hop_length // 2 - win_length // 2 + win_length
        power = np.abs(np.fft.rfft(surrounded[first : first + win_length] * window, n_fft)) ** 2
        frames.append(np.log(np.maximum(power @ bank, mel_floor)))
    return np.array(frames)


def normalized(frames: np.ndarray) -> np.ndarray:
    return (frames - frames.mean(0)) / np.sqrt(frames.var(0) + 1e-5)


def features(extractor: BiGRUCTCFeatureExtractor, audio: object, **kwargs: object) -> np.ndarray:
    """Features of one utterance `(frames, mels)`."""
    batch = extractor(audio, sampling_rate=extractor.sampling_rate, return_tensors="np", **kwargs)
    assert batch.input_features.shape[0] == 1
    return batch.input_features[0]

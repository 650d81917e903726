"""Resampling with numpy, with the result of `torchaudio.functional.resample`."""

import math

import numpy as np

from .log_mel import FloatArray

__all__ = ["resample"]

LOWPASS_FILTER_WIDTH = 6
ROLLOFF = 0.99
"""Defaults of torchaudio: zero crossings of the windowed sinc on either side, and cut-off relative to Nyquist."""


def resample(waveform: FloatArray, rate_from: int, rate_to: int) -> FloatArray:
    """Resample `waveform` `(samples,)` to `ceil(samples * rate_to / rate_from)` samples.

    Source: `torchaudio.functional.resample` 2.11, `sinc_interp_hann`.
    """
    divisor = math.gcd(rate_from, rate_to)
    step, phases = rate_from // divisor, rate_to // divisor
    kernel, width = _kernel(step, phases)
    padded = np.pad(waveform, (width, width + step))
    # Each row of windows gives `phases` samples and begins `step` samples after the previous row.
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[1])[::step]
    length = math.ceil(phases * len(waveform) / step)
    return (windows @ kernel.T).reshape(-1)[:length]


def _kernel(step: int, phases: int) -> tuple[FloatArray, int]:
    """Polyphase filters `(phases, taps)`, and the number of samples before their centre."""
    cutoff = min(step, phases) * ROLLOFF
    width = math.ceil(LOWPASS_FILTER_WIDTH * step / cutoff)
    taps = np.arange(-width, width + step) / step
    time = np.clip((taps - np.arange(phases)[:, None] / phases) * cutoff, -LOWPASS_FILTER_WIDTH, LOWPASS_FILTER_WIDTH)
    window = np.cos(time * np.pi / LOWPASS_FILTER_WIDTH / 2) ** 2
    return (np.sinc(time) * window * cutoff / step).astype(np.float32), width

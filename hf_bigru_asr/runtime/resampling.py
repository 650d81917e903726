"""Resampling with numpy, with the result of `torchaudio.functional.resample`."""

import math

import numpy as np

from .log_mel import FloatArray

__all__ = ["resample"]

LOWPASS_FILTER_WIDTH = 6
ROLLOFF = 0.99
"""Defaults of torchaudio: zero crossings of the windowed sinc on either side, and cut-off relative to Nyquist."""

_ROW_SAMPLES = 64
_BLOCK_ROWS = 1024


def resample(waveform: FloatArray, rate_from: int, rate_to: int) -> FloatArray:
    """Resample `waveform` `(samples,)` to `ceil(samples * rate_to / rate_from)` samples.

    Source: `torchaudio.functional.resample` 2.11, `sinc_interp_hann`.
    """
    divisor = math.gcd(rate_from, rate_to)
    step, phases = rate_from // divisor, rate_to // divisor
    kernel, width = _kernel(step, phases)
    # A row of the matrix product is several steps at once, with as many shifted copies of the kernel.
    num_steps = max(1, _ROW_SAMPLES // phases)
    kernels = np.zeros((kernel.shape[1] + (num_steps - 1) * step, num_steps * phases), dtype=np.float32)
    for number in range(num_steps):
        first = number * step
        kernels[first : first + kernel.shape[1], number * phases : (number + 1) * phases] = kernel.T
    length = math.ceil(phases * len(waveform) / step)
    resampled = np.empty((math.ceil(length / kernels.shape[1]), kernels.shape[1]), dtype=np.float32)
    num_padded = max(len(resampled) - 1, 0) * num_steps * step + len(kernels)
    padded = np.pad(waveform, (width, max(num_padded - width - len(waveform), 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernels))[:: num_steps * step]
    for start in range(0, len(resampled), _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, len(resampled)))
        # NumPy gives overlapping rows to BLAS only as a copy.
        np.matmul(np.ascontiguousarray(windows[rows]), kernels, out=resampled[rows])
    return resampled.reshape(-1)[:length]


def _kernel(step: int, phases: int) -> tuple[FloatArray, int]:
    """Polyphase filters `(phases, taps)`, and the number of samples before their centre."""
    cutoff = min(step, phases) * ROLLOFF
    width = math.ceil(LOWPASS_FILTER_WIDTH * step / cutoff)
    taps = np.arange(-width, width + step) / step
    time = np.clip((taps - np.arange(phases)[:, None] / phases) * cutoff, -LOWPASS_FILTER_WIDTH, LOWPASS_FILTER_WIDTH)
    window = np.cos(time * np.pi / LOWPASS_FILTER_WIDTH / 2) ** 2
    return (np.sinc(time) * window * cutoff / step).astype(np.float32), width

"""Resampling block by block, with the same result as resampling the whole recording."""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["blocks_at_rate", "has_large_kernel", "resample_directly", "resampled_blocks"]

Samples = npt.NDArray[np.float32]

# torchaudio's kernel reaches over 6 / 0.99 periods of the lower rate; a unit has at least one of them.
CONTEXT_UNITS = 8
_ZERO_CROSSINGS, _ROLLOFF = 6, 0.99

MAX_KERNEL = 2_000_000
"""Values of a polyphase kernel, 16 MB. That of two rates without a common divisor would take gigabytes."""

_WEIGHTS_AT_ONCE = 1 << 18


def has_large_kernel(rate_from: int, rate_to: int) -> bool:
    """Whether a kernel for every phase of two rates has more than `MAX_KERNEL` values."""
    divisor = math.gcd(rate_from, rate_to)
    return (rate_from // divisor) * (rate_to // divisor) > MAX_KERNEL


def blocks_at_rate(
    blocks: Iterable[Samples], rate_from: int, rate_to: int, resample: Callable[[Samples, int, int], Samples]
) -> Iterator[Samples]:
    """Yield blocks `(samples,)` or `(channels, samples)` at another rate, in memory bounded by a few of them.

    Args:
        blocks: At `rate_from`.
        rate_from: In hertz.
        rate_to: In hertz.
        resample: Resamples `(samples,)`; not called for equal rates, nor if it would need a large kernel.
    """
    if rate_from == rate_to:
        return iter(blocks)
    if has_large_kernel(rate_from, rate_to):
        return _directly_resampled(blocks, rate_from, rate_to)

    def resampled(block: Samples) -> Samples:
        if block.ndim == 1:
            return resample(block, rate_from, rate_to)
        return np.stack([resample(channel, rate_from, rate_to) for channel in block])

    return resampled_blocks(blocks, rate_from, rate_to, resampled)


def resample_directly(waveform: Samples, rate_from: int, rate_to: int) -> Samples:
    """Resample the last axis without a kernel for every phase, for rates of which that would be large.

    Source: `torchaudio.functional.resample` 2.11, `sinc_interp_hann`; the weights of each sample are computed for it.
    """
    return np.concatenate(list(_directly_resampled([waveform], rate_from, rate_to)), axis=-1)


def _directly_resampled(blocks: Iterable[Samples], rate_from: int, rate_to: int) -> Iterator[Samples]:
    divisor = math.gcd(rate_from, rate_to)
    step, phases = rate_from // divisor, rate_to // divisor
    cutoff = min(step, phases) * _ROLLOFF / step
    width = math.ceil(_ZERO_CROSSINGS / cutoff)
    taps = np.arange(-width, width + 2)
    num_at_once = max(_WEIGHTS_AT_ONCE // len(taps), 1)

    def interpolated(waiting: Samples, start: int, first: int, end: int) -> Iterator[Samples]:
        for begin in range(first, end, num_at_once):
            whole, rest = np.divmod(np.arange(begin, min(begin + num_at_once, end), dtype=np.int64) * step, phases)
            time = (taps - rest[:, None] / phases) * cutoff
            time = time.clip(-_ZERO_CROSSINGS, _ZERO_CROSSINGS)
            weights = np.sinc(time) * np.cos(time * np.pi / _ZERO_CROSSINGS / 2) ** 2 * cutoff
            near = waiting[..., whole[:, None] + taps - start]
            yield np.einsum("...nt,nt->...n", near, weights.astype(np.float32))

    waiting: Samples | None = None
    start, num_read, num_done = -width, 0, 0  # the first value of `waiting` is the input sample `start`
    for block in blocks:
        waiting = np.zeros((*block.shape[:-1], width), np.float32) if waiting is None else waiting
        waiting = np.concatenate([waiting, block], axis=-1)
        num_read += block.shape[-1]
        num_ready = max(-(-(num_read - width - 1) * phases // step), num_done)
        yield from interpolated(waiting, start, num_done, num_ready)
        num_done = num_ready
        num_old = max(num_done * step // phases - width - start, 0)
        waiting, start = waiting[..., num_old:], start + num_old
    if waiting is not None:
        waiting = np.concatenate([waiting, np.zeros((*waiting.shape[:-1], width + 2), np.float32)], axis=-1)
        yield from interpolated(waiting, start, num_done, -(-num_read * phases // step))


def resampled_blocks(
    blocks: Iterable[Samples], rate_from: int, rate_to: int, resample: Callable[[Samples], Samples]
) -> Iterator[Samples]:
    """Resample a recording block by block.

    With g = gcd(rates), `rate_from / g` input samples (a unit) give `rate_to / g` output samples, at any position.
    Each block is resampled with 8 such units of context on both sides, which are cut off.

    Args:
        blocks: `(samples,)` or `(channels, samples)` each, at `rate_from`.
        rate_from: Rate of the blocks in hertz.
        rate_to: Rate of the result in hertz.
        resample: Resamples the last axis. An output sample may depend on at most 8 units before and after it.

    Yields:
        Blocks of the same shape at `rate_to`.
    """
    divisor = math.gcd(rate_from, rate_to)
    unit_from, unit_to = rate_from // divisor, rate_to // divisor
    waiting: Samples | None = None
    left = 0  # units of context before the next block
    for block in blocks:
        waiting = np.concatenate([block] if waiting is None else [waiting, block], axis=-1)
        ready = waiting.shape[-1] // unit_from - left - CONTEXT_UNITS
        if ready <= 0:
            continue
        used = (left + ready + CONTEXT_UNITS) * unit_from
        yield resample(waiting[..., :used])[..., left * unit_to : (left + ready) * unit_to]
        kept = min(left + ready, CONTEXT_UNITS)
        waiting = waiting[..., (left + ready - kept) * unit_from :]
        left = kept
    if waiting is None or waiting.shape[-1] == 0:
        return
    rest = resample(waiting)[..., left * unit_to :]
    if rest.shape[-1]:
        yield rest

"""Resampling block by block, with the same result as resampling the whole recording."""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["resampled_blocks"]

Samples = npt.NDArray[np.float32]

# torchaudio's kernel reaches over 6 / 0.99 periods of the lower rate; a unit has at least one of them.
CONTEXT_UNITS = 8


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

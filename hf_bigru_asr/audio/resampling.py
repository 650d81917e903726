"""Another sampling rate for audio that comes in blocks: the samples that the whole would have."""

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

    So many samples of the one rate last as long as so many of the other; such a unit is resampled in the same way
    wherever it stands. Every block is resampled with some units on either side, which are cut off again.

    Args:
        blocks: `(samples,)` each, at `rate_from`.
        rate_from: Rate of the blocks in hertz.
        rate_to: Rate of the result.
        resample: Resamples `(samples,)`; what it gives at one place depends on 8 units around it at the most.

    Yields:
        `(samples,)` at `rate_to`.
    """
    divisor = math.gcd(rate_from, rate_to)
    unit_from, unit_to = rate_from // divisor, rate_to // divisor
    waiting = np.empty(0, dtype=np.float32)
    left = 0  # units of context before what is resampled next
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        ready = len(waiting) // unit_from - left - CONTEXT_UNITS
        if ready <= 0:
            continue
        used = (left + ready + CONTEXT_UNITS) * unit_from
        yield resample(waiting[:used])[left * unit_to : (left + ready) * unit_to]
        kept = min(left + ready, CONTEXT_UNITS)
        waiting = waiting[(left + ready - kept) * unit_from :]
        left = kept
    rest = resample(waiting)[left * unit_to :] if len(waiting) else waiting
    if len(rest):
        yield rest

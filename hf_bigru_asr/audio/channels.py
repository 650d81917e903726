"""Which channels of a recording are taken: their mix, one of them, or each on its own."""

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..model.waveforms_bigru_ctc import WaveformError, cancels, mean_of_channels
from .findings import AudioError, Findings

__all__ = ["Channels", "check_channels", "selected"]

Channels = Literal["mix", "split"] | int
"""The mean of all channels, each channel on its own, or the channel with this number, the first of which is 0."""

Samples = npt.NDArray[np.float32]


def check_channels(channels: object) -> None:
    """Refuse what is no choice of channels.

    Raises:
        ValueError: It is another word, or a negative number.
        TypeError: It is neither a word nor an integer.
    """
    if isinstance(channels, bool) or not isinstance(channels, str | int | np.integer):
        raise TypeError(f"channels is {channels!r}; it must be 'mix', 'split' or the number of a channel from 0")
    if (channels not in ("mix", "split")) if isinstance(channels, str) else channels < 0:
        raise ValueError(f"channels is {channels!r}; it must be 'mix', 'split' or the number of a channel from 0")


def selected(blocks: Iterable[tuple[Samples, int]], channels: Channels, findings: Findings) -> Iterator[Samples]:
    """Check blocks `(samples, channels)` of one rate, and take the channels that are asked for.

    Two channels of opposite phase are not mixed: the first is taken, with a warning.

    Args:
        blocks: As decoders give them.
        channels: What is taken.
        findings: Gets the warning.

    Yields:
        Blocks `(samples,)`, or `(channels, samples)` of each channel on its own.

    Raises:
        AudioError: There is no such channel, the number of channels changes, or samples cannot be used.
    """
    num_samples, num_channels, is_cancelled = 0, 0, False
    for samples, _ in blocks:
        planes = samples.T
        num_channels = num_channels or len(planes)
        if channels == "mix" and not is_cancelled and cancels(planes):
            is_cancelled = True
            findings.note(
                "its two channels have opposite phase, so that their mix would be silent; the first one is taken: "
                "choose with channels=N"
            )
        try:
            if channels == "mix":
                block = mean_of_channels(planes[:1] if is_cancelled else planes, num_samples)
            elif channels == "split":
                _check_number(len(planes) == num_channels, findings, f"{num_channels}, then {len(planes)} channels")
                block = np.stack([mean_of_channels(plane[np.newaxis], num_samples) for plane in planes])
            else:
                _check_number(
                    channels < len(planes),
                    findings,
                    f"{len(planes)} channels, and channels is {channels}; the first one has the number 0",
                )
                block = mean_of_channels(planes[channels : channels + 1], num_samples)
        except WaveformError as error:
            raise AudioError(findings.name, error.problem) from error
        num_samples += len(planes[0])
        yield block


def _check_number(is_right: bool, findings: Findings, what: str) -> None:
    if not is_right:
        raise AudioError(findings.name, f"has {what}")

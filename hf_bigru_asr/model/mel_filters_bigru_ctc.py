"""Mel filter bank of the features: triangles on the HTK mel scale, applied in groups of neighbours."""

import warnings
from functools import cache
from typing import NamedTuple

import torch
from torchaudio.functional import melscale_fbanks

__all__ = ["MelScale", "mel_filter_bank", "mel_powers"]

NUM_BANDS = 4
"""Groups of neighbouring filters, each applied to its own bins alone."""


class MelScale(NamedTuple):
    """What determines a filter bank.

    Args:
        num_bins: Bins of the spectrum, from 0 Hz to half the sampling rate.
        fmin: Lower edge of the first filter in Hz.
        fmax: Upper edge of the last filter in Hz.
        num_mels: Filters.
        sampling_rate: Of the audio, in Hz.
    """

    num_bins: int
    fmin: float
    fmax: float
    num_mels: int
    sampling_rate: int


def mel_filter_bank(scale: MelScale) -> torch.Tensor:
    """Filters `(num_bins, num_mels)`, triangles with a peak of one.

    Raises:
        ValueError: If the band of frequencies is out of range, or a filter contains no bin.

    Source: `torchaudio.functional.melscale_fbanks` with `norm=None, mel_scale="htk"`.
    """
    if not 0 <= scale.fmin < scale.fmax <= scale.sampling_rate / 2:
        raise ValueError(
            f"fmin is {scale.fmin} Hz and fmax {scale.fmax} Hz; they must satisfy 0 <= fmin < fmax <= "
            f"{scale.sampling_rate / 2} Hz, half the sampling rate."
        )
    with warnings.catch_warnings():
        # torchaudio warns of an empty filter, which is an error here.
        warnings.simplefilter("ignore", UserWarning)
        filters = melscale_fbanks(
            scale.num_bins, scale.fmin, scale.fmax, scale.num_mels, scale.sampling_rate, norm=None, mel_scale="htk"
        )
    if num_empty := int((filters.amax(0) == 0).sum()):
        raise ValueError(
            f"{num_empty} of the {scale.num_mels} mel filters contain no bin of a {2 * (scale.num_bins - 1)}-point "
            f"transform at {scale.sampling_rate} Hz; raise n_fft or lower feature_size."
        )
    return filters


def mel_powers(power: torch.Tensor, filters: torch.Tensor, scale: MelScale) -> torch.Tensor:
    """Power in every filter.

    A filter is zero at most bins, so each group of neighbours is multiplied with its own bins alone.

    Args:
        power: Power spectra `(frames, num_bins)`.
        filters: [`mel_filter_bank`] of `scale`, on the device of `power`.
        scale: Determines the groups.

    Returns:
        `(frames, num_mels)`.
    """
    return torch.cat([power[:, bins] @ filters[bins, group] for group, bins in _bands(scale)], dim=1)


@cache
def _bands(scale: MelScale) -> tuple[tuple[slice, slice], ...]:
    """Filters and bins of each group; outside these bins its filters are zero."""
    filters = mel_filter_bank(scale)
    bands = []
    for part in torch.arange(scale.num_mels).tensor_split(min(NUM_BANDS, scale.num_mels)):
        first, last = int(part[0]), int(part[-1]) + 1
        bins = filters[:, first:last].any(1).nonzero()[:, 0].tolist()
        bands.append((slice(first, last), slice(bins[0], bins[-1] + 1)))
    return tuple(bands)

"""Log-mel features as they would be of a vocal tract of another length, in training and on frame grids."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["mel_warp_matrix", "warp_factors", "warp_grids"]

FloatArray = npt.NDArray[np.float32]


def mel_warp_matrix(num_mel_bins: int, factor: float, fmin_hz: float, fmax_hz: float) -> FloatArray:
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
    lower, upper, share = _sources(num_mel_bins, factor, fmin_hz, fmax_hz)
    matrix = np.zeros((num_mel_bins, num_mel_bins))
    targets = np.arange(num_mel_bins)
    np.add.at(matrix, (lower, targets), 1 - share)
    np.add.at(matrix, (upper, targets), share)
    return matrix.astype(np.float32)


def warp_factors(grid_warp: float, num_offsets: int) -> tuple[float, ...]:
    """Factor of the resonances on every frame grid, from `1 / grid_warp` to `grid_warp`; 1 where there is one grid."""
    if num_offsets == 1:
        return (1.0,)
    return tuple(float(grid_warp**position) for position in np.linspace(-1, 1, num_offsets))


def warp_grids(features: FloatArray, settings: Any) -> FloatArray:  # noqa: ANN401 - of any feature extractor
    """Warp normalised features as the frame grids of a feature extractor say.

    Every value is a mean of two of its own frame, so parts of a recording have the very values of the whole.

    Args:
        features: `(frames, num_offsets * feature_size)`.
        settings: The extractor, or its settings: `feature_size`, `fmin`, `fmax`, `sampling_rate`, `num_offsets`,
            `grid_warp`.

    Returns:
        `(frames, num_offsets * feature_size)`; `features` itself where there is nothing to warp.
    """
    factors = warp_factors(settings.grid_warp, settings.num_offsets)
    if all(factor == 1.0 for factor in factors):
        return features
    num_mels = settings.feature_size
    fmax = settings.sampling_rate / 2 if settings.fmax is None else settings.fmax
    warped = np.empty_like(features)
    for grid, factor in enumerate(factors):
        part = slice(grid * num_mels, (grid + 1) * num_mels)
        if factor == 1.0:
            warped[:, part] = features[:, part]
            continue
        lower, upper, share = _sources(num_mels, factor, settings.fmin, fmax)
        below, above = features[:, part][:, lower], features[:, part][:, upper]
        weight = share.astype(np.float32)
        warped[:, part] = below * (1 - weight) + above * weight
    return warped


class _Sources(NamedTuple):
    """Between which bins `(num_mel_bins,)` each bin of the result lies, and how much the upper one counts."""

    lower: npt.NDArray[np.intp]
    upper: npt.NDArray[np.intp]
    share: npt.NDArray[np.float64]


@cache
def _sources(num_mel_bins: int, factor: float, fmin_hz: float, fmax_hz: float) -> _Sources:
    if factor <= 0:
        raise ValueError(f"factor is {factor}; resonances can only be multiplied by a positive number.")
    lowest, highest = (2595.0 * float(np.log10(1.0 + edge_hz / 700.0)) for edge_hz in (fmin_hz, fmax_hz))
    centres = np.linspace(lowest, highest, num_mel_bins + 2)[1:-1]
    sources = 2595.0 * np.log10(1.0 + 700.0 * (10 ** (centres / 2595.0) - 1.0) / factor / 700.0)
    positions = np.clip(
        (sources - centres[0]) / max((highest - lowest) / (num_mel_bins + 1), 1e-9), 0, num_mel_bins - 1
    )
    lower = np.floor(positions).astype(np.intp)
    return _Sources(lower, np.minimum(lower + 1, num_mel_bins - 1), positions - lower)

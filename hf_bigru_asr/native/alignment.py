"""Binding of the forced alignment."""

from ctypes import c_int32, c_void_p

import numpy as np
import numpy.typing as npt

from .library import required

__all__ = ["forced_path"]


def forced_path(
    emissions: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], blank: int
) -> npt.NDArray[np.int64]:
    """Class of every frame on the most probable path that CTC collapses to some labels.

    Args:
        emissions: Log-probabilities `(frames, classes)`; the frames must be enough for the labels.
        labels: Classes `(labels,)`, at least one, none of them the blank.
        blank: Class of the blank.

    Returns:
        `(frames,)`.

    Raises:
        ImportError: If the compiled part of the package is not there.
        ValueError: If the arrays have other shapes, or a class is out of range.
        MemoryError: If memory is lacking.
    """
    library = required()
    function = library.bigru_forced_path
    if function.argtypes is None:
        function.argtypes = [c_void_p, c_int32, c_int32, c_void_p, c_int32, c_int32, c_void_p]
    emissions = np.ascontiguousarray(emissions, dtype=np.float32)
    num_classes = emissions.shape[-1] if emissions.ndim == 2 else 0
    if not num_classes or not len(emissions) or labels.ndim != 1 or not len(labels):
        raise ValueError(
            f"{emissions.shape} and {labels.shape} are not (frames, classes) and (labels,), at least one."
        )
    if not 0 <= blank < num_classes or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"The labels or the blank, {blank}, are out of range; there are {num_classes} classes.")
    classes = np.ascontiguousarray(labels, dtype=np.int32)
    path = np.empty(len(emissions), dtype=np.int64)
    if function(emissions.ctypes.data, *emissions.shape, classes.ctypes.data, len(classes), blank, path.ctypes.data):
        raise MemoryError(f"{len(emissions)} frames and {len(labels)} labels lack memory.")
    return path

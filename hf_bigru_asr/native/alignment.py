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
        MemoryError: If memory is lacking.
    """
    library = required()
    function = library.bigru_forced_path
    if function.argtypes is None:
        function.argtypes = [c_void_p, c_int32, c_int32, c_void_p, c_int32, c_int32, c_void_p]
    emissions = np.ascontiguousarray(emissions, dtype=np.float32)
    classes = labels.astype(np.int32)
    path = np.empty(len(emissions), dtype=np.int64)
    if function(emissions.ctypes.data, *emissions.shape, classes.ctypes.data, len(classes), blank, path.ctypes.data):
        raise MemoryError(f"{len(emissions)} frames and {len(labels)} labels lack memory.")
    return path

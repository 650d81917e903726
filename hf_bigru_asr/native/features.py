"""Binding of the log-mel features, on arrays."""

import ctypes
from ctypes import POINTER, c_char_p, c_float, c_int32, c_void_p
from functools import cache

import numpy as np
import numpy.typing as npt

from .library import required

__all__ = ["CompiledLogMel"]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]


class _Tables(ctypes.Structure):
    _fields_ = (
        *((name, c_int32) for name in ("num_samples", "window_size", "hop_size", "num_mels")),
        ("floor", c_float),
        *(
            (name, c_void_p)
            for name in ("window", "twiddles", "split_twiddles", "places", "first_bins", "num_bins", "weights")
        ),
    )


class CompiledLogMel:
    """Logarithms of the powers in mel filters, frame by frame. Threads can share it.

    Args:
        window: `(window_size,)`.
        filters: `(num_samples // 2 + 1, mels)`: weights of the bins of a Fourier transform of `num_samples`, a power
            of two that is at least 4 and not below `window_size`. No filter is empty.
        hop_size: Samples from one frame to the next one.
        floor: Powers in the filters are at least this; positive, and a normal number.
        kernel: Instructions: `"avx2"` or `"generic"`; `None` takes the fastest. All give the same bits.

    Raises:
        ImportError: If the compiled part of the package is not there.
        ValueError: If an argument is none of these.
    """

    def __init__(
        self, window: FloatArray, filters: FloatArray, hop_size: int, floor: float, kernel: str | None = None
    ) -> None:
        self._library = _library()
        num_samples = 2 * (len(filters) - 1)
        if num_samples < 4 or num_samples & (num_samples - 1) or not 0 < len(window) <= num_samples or hop_size < 1:
            raise ValueError(
                f"A transform of {num_samples} samples, a window of {len(window)} and steps of {hop_size}."
            )
        if not floor >= np.finfo(np.float32).tiny or not (filters != 0).any(axis=0).all():
            raise ValueError(f"floor is {floor}, which must be a normal positive number, or a filter is empty.")
        first_bins = (filters != 0).argmax(axis=0)
        ends = len(filters) - (filters[::-1] != 0).argmax(axis=0)
        weights = [filters[a:b, mel] for mel, (a, b) in enumerate(zip(first_bins, ends, strict=True))]
        self._arrays = [
            window.astype(np.float32),
            _twiddles(num_samples // 2),
            _rotations(np.arange(num_samples // 4 + 1), num_samples),
            _places(num_samples // 2).astype(np.int32),
            first_bins.astype(np.int32),
            (ends - first_bins).astype(np.int32),
            np.concatenate(weights).astype(np.float32),
        ]
        self.window_size, self.hop_size, self.num_mels = len(window), hop_size, filters.shape[1]
        sizes = (num_samples, self.window_size, hop_size, self.num_mels)
        self._tables = _Tables(*sizes, floor, *(each.ctypes.data for each in self._arrays))
        self._kernel = None if kernel is None else kernel.encode()
        if self._run(np.zeros(0, dtype=np.float32), np.empty((0, self.num_mels), dtype=np.float32), self.num_mels):
            raise ValueError(f"kernel is {kernel!r}; this processor has no such instructions.")

    def write(self, samples: FloatArray, features: FloatArray) -> None:
        """Compute the features of frames.

        Args:
            samples: At least `((frames - 1) * hop_size + window_size,)`.
            features: `(frames, mels)`, where they are written: float32, each frame contiguous.

        Raises:
            MemoryError: If memory is lacking.
            ValueError: If the arrays do not fit.
        """
        num_frames, num_mels = features.shape
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        stride, rest = divmod(features.strides[0], features.itemsize)
        if (
            num_mels != self.num_mels
            or features.dtype != np.float32
            or (num_frames and len(samples) < (num_frames - 1) * self.hop_size + self.window_size)
            or features.strides[1] != features.itemsize
            or (rest or stride < num_mels)
        ):
            raise ValueError(
                f"{len(samples)} samples and features of the shape {features.shape} with strides {features.strides} "
                "do not fit."
            )
        if self._run(samples, features, stride):
            raise MemoryError("Features lack memory.")

    def _run(self, samples: FloatArray, features: FloatArray, stride: int) -> int:
        failed: int = self._library.bigru_log_mel(
            ctypes.byref(self._tables),
            len(features),
            samples.ctypes.data,
            features.ctypes.data,
            stride,
            self._kernel,
        )
        return failed


def _rotations(numbers: npt.NDArray[np.integer], length: int) -> FloatArray:
    """Cosine and sine `(numbers, 2)` of -2 pi times numbers over a length."""
    angles = -2 * np.pi * numbers / length
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1).astype(np.float32)


def _twiddles(num_points: int) -> FloatArray:
    """Those of all passes of radix 4, one behind the other."""
    passes = []
    while num_points >= 4:
        powers = np.arange(num_points // 4)[:, None] * np.arange(1, 4)
        passes.append(_rotations(powers, num_points).ravel())
        num_points //= 4
    return np.concatenate(passes) if passes else np.zeros(1, dtype=np.float32)


def _places(num_points: int) -> npt.NDArray[np.intp]:
    """Where the transform leaves each bin: a pass of radix 4 puts those of equal rests of four together."""
    bins = np.arange(num_points)
    if num_points < 4:
        return bins
    return bins % 4 * (num_points // 4) + _places(num_points // 4)[bins // 4]


@cache
def _library() -> ctypes.CDLL:
    library = required()
    library.bigru_log_mel.argtypes = [POINTER(_Tables), c_int32, c_void_p, c_void_p, c_int32, c_char_p]
    return library

"""Features of a teacher, a larger recogniser, which a small network learns to predict (distillation).

They are in the column `teacher_features` of a data set, beside the audio that they belong to.
"""

import io
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "FRAME_S",
    "TEACHER_COLUMN",
    "Features",
    "cut_features",
    "features_at",
    "find_teacher_size",
    "pack_features",
    "unpack_features",
]

TEACHER_COLUMN = "teacher_features"
FRAME_S = 0.02
"""Seconds from one frame to the next; frame 0 is at the beginning of the audio."""

Features = npt.NDArray[np.float16] | npt.NDArray[np.float32]
"""`(frames, size)`, in the precision of the column or in that of computations."""


def pack_features(features: Features) -> bytes:
    """`(frames, size)` as the content of an `.npy` file of half precision: what the column holds."""
    file = io.BytesIO()
    np.save(file, np.asarray(features, dtype=np.float16), allow_pickle=False)
    return file.getvalue()


def unpack_features(packed: bytes) -> npt.NDArray[np.float16]:
    """`(frames, size)` of what [`pack_features`] gave.

    Raises:
        ValueError: If it is something else.
    """
    features: npt.NDArray[np.float16] = np.load(io.BytesIO(packed), allow_pickle=False)
    if features.ndim != 2 or features.dtype != np.float16 or not features.size:
        raise ValueError(
            f"{TEACHER_COLUMN} holds an array of the shape {features.shape} and the type {features.dtype}; it must be "
            "(frames, size) of float16, as scripts/teach_dataset.py writes it."
        )
    return features


def find_teacher_size(examples: Iterable[dict[str, Any]]) -> int:
    """Size of a frame's features, from the first row that has some.

    Raises:
        ValueError: If there is none.
    """
    for example in examples:
        if example.get(TEACHER_COLUMN) is not None:
            return int(unpack_features(example[TEACHER_COLUMN]).shape[1])
    raise ValueError(
        f"No utterance has the column {TEACHER_COLUMN!r}; scripts/teach_dataset.py writes a data set that has it."
    )


def features_at(features: Features, times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Features between the teacher's frames, by linear interpolation; beyond its ends the first or the last.

    Args:
        features: `(frames, size)`, one frame every `FRAME_S` seconds.
        times_s: `(times,)` seconds.

    Returns:
        `(times, size)`.
    """
    position = np.clip(times_s / FRAME_S, 0, len(features) - 1)
    before = position.astype(np.int64)
    after = np.minimum(before + 1, len(features) - 1)
    share = (position - before).astype(np.float32)[:, None]
    return features[before] * (1 - share) + features[after] * share


def cut_features(features: Features, start_s: float, end_s: float) -> npt.NDArray[np.float32]:
    """Features of the part of an utterance from `start_s` to `end_s`, with a frame at its beginning."""
    num_frames = max(math.ceil((end_s - start_s) / FRAME_S), 1)
    return features_at(features, start_s + FRAME_S * np.arange(num_frames, dtype=np.float64))

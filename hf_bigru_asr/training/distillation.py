"""Distillation: hidden states of the network predict the features of a larger recogniser, its teacher.

CTC gives one target sequence per utterance; the teacher gives a target for every frame.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..data.teacher_features import FRAME_S, TEACHER_COLUMN, features_at, unpack_features

_BEYOND_S = 0.1
"""So far behind its last frame the teacher's features are held."""

__all__ = ["teacher_targets", "unexplained_variance"]


def teacher_targets(
    examples: Sequence[dict[str, Any]],
    speeds: Sequence[float],
    starts_s: Sequence[float],
    attention_mask: torch.Tensor,
    frame_s: float,
    teacher_size: int,
) -> dict[str, torch.Tensor]:
    """The teacher's features on the frames of a batch.

    Args:
        examples: Rows, with the column `teacher_features` or without.
        speeds: Speed factor of each.
        starts_s: Seconds of each, after the change of speed, before its first frame; negative with silence before.
        attention_mask: `(batch, frames)`, 1 on valid frames.
        frame_s: Seconds from one frame to the next.
        teacher_size: Features per frame.

    Returns:
        `teacher_features` `(batch, frames, teacher_size)`, and `teacher_mask` `(batch, frames)`, 1 on frames with
        features.

    Raises:
        ValueError: If a row has features of another size.
    """
    features = torch.zeros(*attention_mask.shape, teacher_size)
    mask = torch.zeros_like(attention_mask)
    for row, (example, speed, start_s) in enumerate(zip(examples, speeds, starts_s, strict=True)):
        if example.get(TEACHER_COLUMN) is None:
            continue
        given = unpack_features(example[TEACHER_COLUMN])
        if given.shape[1] != teacher_size:
            raise ValueError(
                f"Utterance {example.get('id', row)!r} has {given.shape[1]} features of a teacher in a frame, others "
                f"have {teacher_size}; teach all data sets with the same components (--projection of "
                "scripts/teach_dataset.py)."
            )
        num_frames = int(attention_mask[row].sum())
        # The teacher's features are of the original speed.
        times_s = speed * (start_s + frame_s * np.arange(num_frames, dtype=np.float64))
        features[row, :num_frames] = torch.from_numpy(features_at(given, times_s))
        within = (times_s >= 0) & (times_s < len(given) * FRAME_S + _BEYOND_S)  # not in the silence around it
        mask[row, :num_frames] = torch.from_numpy(within).to(mask.dtype)
    return {"teacher_features": features, "teacher_mask": mask}


def unexplained_variance(predicted: torch.Tensor, wanted: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Squared error per frame, averaged over the frames of each utterance, then over the utterances of the batch.

    With features of a total variance of 1, as [`TeacherProjection`] gives them, it is the unexplained share of it.

    Args:
        predicted: `(batch, frames, size)`.
        wanted: `(batch, frames, size)`.
        mask: `(batch, frames)`, 1 on the frames that count; an utterance without any counts as error 0.

    Returns:
        Scalar.
    """
    valid = mask.to(torch.bool)
    errors = (predicted.float() - wanted).square().sum(-1).masked_fill(~valid, 0.0)
    return (errors.sum(-1) / valid.sum(-1).clamp(min=1)).mean()

"""Distillation: in training, hidden states of the network predict the features of a larger one, its teacher.

CTC says which characters an utterance has, and not when or how sure; a teacher says something of every frame.
"""

from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from torch import nn
from transformers.modeling_outputs import CausalLMOutput

from .configuration_bigru_ctc import BiGRUCTCConfig
from .modeling_bigru_ctc import BiGRUForCTC
from .teacher_features import TEACHER_COLUMN, features_at, unpack_features

__all__ = ["TaughtBiGRUForCTC", "teacher_targets", "unexplained_variance"]


class TaughtBiGRUForCTC(BiGRUForCTC):
    """[`BiGRUForCTC`] with a linear head on each of its last two layers that predicts the teacher's features.

    The heads exist in training only: `student` is the network without them.

    Args:
        config: Of the network.
        teacher_size: Features of a frame.
        distillation_weight: What the error of the heads counts beside the CTC loss.
    """

    def __init__(self, config: BiGRUCTCConfig, teacher_size: int, distillation_weight: float = 1.0) -> None:
        super().__init__(config)
        self.distillation_weight = distillation_weight
        self.teacher_heads = nn.ModuleList(
            nn.Linear(2 * config.hidden_size, teacher_size) for _ in range(min(2, config.num_hidden_layers))
        )
        for parameter in self.teacher_heads.parameters():
            # The network hears of its teacher only when the heads have something to say.
            nn.init.zeros_(parameter)

    @classmethod
    def from_student(cls, model: BiGRUForCTC, teacher_size: int, distillation_weight: float = 1.0) -> Self:
        """The same network, with its weights, `denominator_lm` and `reading_search`, and new heads."""
        taught = cls(cast("BiGRUCTCConfig", model.config), teacher_size, distillation_weight)
        taught.load_state_dict(model.state_dict(), strict=False)
        taught.denominator_lm = model.denominator_lm
        taught.reading_search = model.reading_search
        return taught

    def student(self) -> BiGRUForCTC:
        """The network without the heads, with a copy of its weights."""
        model = BiGRUForCTC(cast("BiGRUCTCConfig", self.config))
        weights = {name: value for name, value in self.state_dict().items() if not name.startswith("teacher_heads.")}
        model.load_state_dict(weights)
        return model

    def forward(
        self,
        input_features: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        teacher_features: torch.Tensor | None = None,
        teacher_mask: torch.Tensor | None = None,
        **kwargs: object,
    ) -> CausalLMOutput | tuple[torch.Tensor, ...]:
        """As [`BiGRUForCTC`], and in training the loss has the heads' error in it.

        Args:
            input_features: `(batch, frames, num_mel_bins)`, or `(batch, 1, num_mel_bins, frames)`.
            attention_mask: `(batch, frames)`, 1 on valid frames.
            labels: `(batch, labels)` token ids, padded with -100.
            output_hidden_states: Whether to return `hidden_states`.
            teacher_features: `(batch, frames, teacher_size)`.
            teacher_mask: `(batch, frames)`, 1 where there are features of the teacher.
            kwargs: As in [`BiGRUForCTC`].

        Returns:
            What [`BiGRUForCTC`] gives; `loss` is the CTC loss plus `distillation_weight` times the mean of the heads'
            [`unexplained_variance`].

        Raises:
            ValueError: As [`BiGRUForCTC`].
        """
        if teacher_features is None or teacher_mask is None or labels is None or not self.training:
            return super().forward(input_features, attention_mask, labels, output_hidden_states, **kwargs)
        kwargs["return_dict"] = True
        outputs = super().forward(input_features, attention_mask, labels, output_hidden_states=True, **kwargs)
        layers = outputs.hidden_states[-len(self.teacher_heads) :]
        errors = [
            unexplained_variance(head(hidden_states), teacher_features, teacher_mask)
            for head, hidden_states in zip(self.teacher_heads, layers, strict=True)
        ]
        loss = outputs.loss + self.distillation_weight * torch.stack(errors).mean()
        hidden_states = outputs.hidden_states if output_hidden_states else None
        return CausalLMOutput(loss=loss, logits=outputs.logits, hidden_states=hidden_states)


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
        speeds: By which factor each was sped up.
        starts_s: Seconds of each, sped up, that lie before its first frame.
        attention_mask: `(batch, frames)`, 1 on valid frames.
        frame_s: Seconds from one frame to the next.
        teacher_size: Features of a frame.

    Returns:
        `teacher_features` `(batch, frames, teacher_size)`, and `teacher_mask` `(batch, frames)`, 1 where there are
        some.

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
        # Sped-up speech is shorter; its teacher heard it at its own speed.
        times_s = speed * (start_s + frame_s * np.arange(num_frames, dtype=np.float64))
        features[row, :num_frames] = torch.from_numpy(features_at(given, times_s))
        mask[row, :num_frames] = 1
    return {"teacher_features": features, "teacher_mask": mask}


def unexplained_variance(predicted: torch.Tensor, wanted: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Squared error of a frame, averaged over the frames of each utterance, and over the utterances of the batch.

    With features of a variance of 1 in all, as [`TeacherProjection`] gives them, it is the share of the variance that
    is not predicted.

    Args:
        predicted: `(batch, frames, size)`.
        wanted: The same.
        mask: `(batch, frames)`, 1 on the frames that count; an utterance without any counts as predicted.

    Returns:
        Scalar.
    """
    valid = mask.to(torch.bool)
    errors = (predicted.float() - wanted).square().sum(-1).masked_fill(~valid, 0.0)
    return (errors.sum(-1) / valid.sum(-1).clamp(min=1)).mean()

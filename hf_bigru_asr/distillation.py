"""Distillation: in training, hidden states of the network predict the features of a larger one, its teacher.

CTC says which characters an utterance has, and not when or how sure; a teacher says something of every frame.
"""

from typing import Self

import torch
from torch import nn
from transformers.modeling_outputs import CausalLMOutput

from .configuration_bigru_ctc import BiGRUCTCConfig
from .modeling_bigru_ctc import BiGRUForCTC

__all__ = ["TaughtBiGRUForCTC", "unexplained_variance"]


class TaughtBiGRUForCTC(BiGRUForCTC):
    """[`BiGRUForCTC`] with a linear head on each of its last two layers that predicts the teacher's features.

    The heads exist in training only: `student` is the network without them.

    Args:
        config: Of the network.
        teacher_size: Features of a frame.
        distillation_weight: What the error of the heads counts beside the CTC loss.
    """

    config: BiGRUCTCConfig

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
        """The same network, with its weights, and new heads."""
        taught = cls(BiGRUCTCConfig.from_dict(model.config.to_dict()), teacher_size, distillation_weight)
        taught.load_state_dict(model.state_dict(), strict=False)
        return taught

    def student(self) -> BiGRUForCTC:
        """The network without the heads, with a copy of its weights."""
        model = BiGRUForCTC(self.config)
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

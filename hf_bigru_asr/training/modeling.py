"""The network while it is trained: losses beside CTC, two views of every utterance, heads that predict a teacher.

A model is a plain [`BiGRUForCTC`] before and after; [`TrainingBiGRUForCTC`] saves itself as one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import nn
from transformers import initialization as init
from transformers.modeling_outputs import CausalLMOutput
from transformers.utils import can_return_tuple

from ..model.configuration_bigru_ctc import BiGRUCTCConfig
from ..model.modeling_bigru_ctc import BiGRUForCTC, frame_lengths, mask_of_frames
from .distillation import unexplained_variance
from .losses import consistency_loss, mmi_loss, word_error_loss

__all__ = ["LossSettings", "TrainingBiGRUForCTC"]

_HEADS = "teacher_heads"


class _TeacherHead(nn.Linear):
    """Predicts the teacher's features from the output of a layer."""


@dataclass(frozen=True)
class LossSettings:
    """What training adds to the CTC loss, and how much of it; nothing by default.

    Args:
        consistency_weight: Weight of the divergence between two views of every utterance with different masks. Above
            0 every batch is run twice. Source: CR-CTC (Yao et al., arXiv 2410.05101), where it is 0.2.
        mmi_weight: Weight of the LF-MMI denominator; see `log_denominator`. 1 gives the LF-MMI loss, less a weighted
            mean of it and the CTC loss. Source: Povey et al., Interspeech 2016; Xiang and Ou, ICASSP 2019.
        word_error_weight: Weight of the expected word errors per reference word. Source: Graves and Jaitly, ICML 2014.
        word_error_temperature: Divides the log-probabilities that hypotheses are sampled from for it. The lower it
            is, the nearer they are to the best path.
        distillation_weight: Weight of the squared error of the teacher's features that hidden states predict.

    Raises:
        ValueError: If a weight is negative, or the temperature not positive.
    """

    consistency_weight: float = 0.0
    mmi_weight: float = 0.0
    word_error_weight: float = 0.0
    word_error_temperature: float = 1.0
    distillation_weight: float = 0.0

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("consistency_weight", "mmi_weight", "word_error_weight", "distillation_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0.")
        if not self.word_error_temperature > 0:
            raise ValueError(f"word_error_temperature is {self.word_error_temperature}; it must be positive.")

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but the CTC loss."""
        weights = (self.consistency_weight, self.mmi_weight, self.word_error_weight, self.distillation_weight)
        return not any(weights)


class TrainingBiGRUForCTC(BiGRUForCTC):
    """[`BiGRUForCTC`] with the losses of [`LossSettings`] in training mode.

    In evaluation mode, and without labels, it is the plain network. `save_pretrained` writes a plain [`BiGRUForCTC`],
    with the weights of the teacher heads in the same file so that a run can be resumed. Loading a [`BiGRUForCTC`]
    leaves them out; [`CTCTrainer`] saves its result without them.

    Args:
        config: Of the network.
        losses: What counts beside the CTC loss.
        denominator_lm: Transition probabilities of a character n-gram, for `mmi_weight`; see `log_denominator`.
        teacher_size: Features per frame of the teacher, for `distillation_weight`. A linear head on each of the last
            two layers predicts them.
        word_delimiter_token_id: Class between words, for `mmi_weight` and `word_error_weight`.

    Raises:
        ValueError: If a weight is above 0 and what it needs is missing, or the delimiter is none of the classes.
    """

    _auto_class = None

    def __init__(
        self,
        config: BiGRUCTCConfig,
        losses: LossSettings | None = None,
        *,
        denominator_lm: torch.Tensor | None = None,
        teacher_size: int | None = None,
        word_delimiter_token_id: int = 1,
    ) -> None:
        super().__init__(config)
        self.losses = losses or LossSettings()
        # Not a buffer: it is neither saved nor moved with the weights.
        self.denominator_lm = denominator_lm
        self.word_delimiter_token_id = word_delimiter_token_id
        self._check()
        if self.losses.distillation_weight > 0:
            if teacher_size is None:
                raise ValueError(
                    f"distillation_weight is {self.losses.distillation_weight} and needs teacher_size, the number of "
                    "features that the teacher gives per frame (scripts/teach_dataset.py adds them to a data set)."
                )
            self.teacher_heads = nn.ModuleList(
                _TeacherHead(2 * config.hidden_size, teacher_size) for _ in range(min(2, config.num_hidden_layers))
            )
            self.teacher_heads.apply(self._init_weights)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """As [`BiGRUForCTC`]; heads are zero."""
        if isinstance(module, _TeacherHead):
            # Their gradient reaches the network only once the heads predict something.
            init.zeros_(module.weight)
            init.zeros_(module.bias)
        else:
            super()._init_weights(module)

    def _check(self) -> None:
        losses = self.losses
        if losses.mmi_weight > 0 and self.denominator_lm is None:
            raise ValueError(
                f"mmi_weight is {losses.mmi_weight} and needs denominator_lm, an n-gram of characters "
                "(--mmi_lm of scripts/train.py; scripts/build_character_lm.py writes one)."
            )
        for name in ("mmi_weight", "word_error_weight"):
            if getattr(losses, name) > 0 and not 0 <= self.word_delimiter_token_id < self.config.vocab_size:
                raise ValueError(
                    f"word_delimiter_token_id is {self.word_delimiter_token_id}; {name} needs it to be one of the "
                    f"{self.config.vocab_size} classes (0 to {self.config.vocab_size - 1})."
                )

    @classmethod
    def from_model(cls, model: BiGRUForCTC, losses: LossSettings | None = None, **options: Any) -> Self:
        """The same network for training, with a copy of its weights, and new heads.

        Args:
            model: The network.
            losses: What counts beside the CTC loss.
            options: Keyword arguments of the class.
        """
        training = cls(cast("BiGRUCTCConfig", model.config), losses, **options)
        training.load_state_dict(model.state_dict(), strict=False)
        nn.Module.to(training, device=model.device, dtype=model.dtype)
        return training.train(model.training)

    def plain(self) -> BiGRUForCTC:
        """The network alone, with a copy of its weights."""
        with torch.random.fork_rng(devices=[]):  # its first weights must not move the random numbers of training
            model = BiGRUForCTC(cast("BiGRUCTCConfig", self.config))
        model.load_state_dict(self.plain_state_dict())
        nn.Module.to(model, device=self.device, dtype=self.dtype)
        return model.train(self.training)

    def plain_state_dict(self, state_dict: dict[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        """The weights of the network without those of the heads.

        Args:
            state_dict: Weights gathered from several processes; the model's own if `None`.
        """
        weights = self.state_dict() if state_dict is None else state_dict
        return {name: value for name, value in weights.items() if not name.startswith(f"{_HEADS}.")}

    def save_pretrained(  # type: ignore[override]
        self, save_directory: str | Path, state_dict: dict[str, torch.Tensor] | None = None, **kwargs: Any
    ) -> None:
        """Save a plain [`BiGRUForCTC`] with the weights of the heads in its file; see the class.

        Args:
            save_directory: Folder.
            state_dict: Weights to save instead of all.
            kwargs: As in the library.
        """
        weights = self.state_dict() if state_dict is None else state_dict
        self.plain().save_pretrained(save_directory, state_dict=weights, **kwargs)

    @can_return_tuple
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
        """As [`BiGRUForCTC`]; in training mode with labels, `loss` is the sum of all losses.

        Args:
            input_features: `(batch, frames, num_mel_bins)`, or `(batch, 1, num_mel_bins, frames)`.
            attention_mask: `(batch, frames)`, 1 on valid frames.
            labels: `(batch, labels)` token ids, padded with -100.
            output_hidden_states: Whether to return `hidden_states`.
            teacher_features: `(batch, frames, teacher_size)`, for `distillation_weight`.
            teacher_mask: `(batch, frames)`, 1 where there are features of the teacher.
            kwargs: As in [`BiGRUForCTC`].

        Raises:
            ValueError: As [`BiGRUForCTC`]; or if there is a `distillation_weight`, and no `teacher_features` or
                `teacher_mask` in training mode with labels.
        """
        kwargs["return_dict"] = True
        if labels is None or not self.training or self.losses.is_plain:
            return super().forward(input_features, attention_mask, labels, output_hidden_states, **kwargs)
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        batch_size = input_features.shape[0]
        if self.losses.consistency_weight > 0:
            # Two views of every utterance: the encoder draws other masks for each row.
            input_features, labels = torch.cat([input_features] * 2), torch.cat([labels] * 2)
            attention_mask = None if attention_mask is None else torch.cat([attention_mask] * 2)
        needs_layers = output_hidden_states or self.losses.distillation_weight > 0
        outputs = super().forward(input_features, attention_mask, labels, needs_layers, **kwargs)
        loss = self._add_losses(outputs.loss, outputs.logits, labels, attention_mask)
        layers = outputs.hidden_states and tuple(layer[:batch_size] for layer in outputs.hidden_states)
        if self.losses.distillation_weight > 0:
            loss = loss + self.losses.distillation_weight * self._distillation(layers, teacher_features, teacher_mask)
        hidden_states = layers if output_hidden_states else None
        return CausalLMOutput(loss=loss, logits=outputs.logits[:batch_size], hidden_states=hidden_states)

    def _add_losses(
        self, loss: torch.Tensor, log_probs: torch.Tensor, labels: torch.Tensor, attention_mask: torch.Tensor | None
    ) -> torch.Tensor:
        """The CTC loss plus the weighted losses that follow from the log-probabilities; a scalar."""
        losses, reduction, blank = self.losses, self.config.ctc_loss_reduction, self.config.pad_token_id
        lengths = frame_lengths(mask_of_frames(attention_mask, log_probs))
        ids = (blank, self.word_delimiter_token_id)
        if losses.consistency_weight > 0:
            loss = loss + losses.consistency_weight * consistency_loss(log_probs, lengths, labels, blank, reduction)
        if losses.mmi_weight > 0:
            denominator_lm = cast("torch.Tensor", self.denominator_lm)
            loss = loss + losses.mmi_weight * mmi_loss(log_probs, lengths, labels, denominator_lm, *ids, reduction)
        if losses.word_error_weight > 0:
            value = word_error_loss(
                log_probs, lengths, labels, *ids, reduction, temperature=losses.word_error_temperature
            )
            loss = loss + losses.word_error_weight * value
        return loss

    def _distillation(
        self, layers: tuple[torch.Tensor, ...], features: torch.Tensor | None, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Mean error of the heads; a scalar."""
        if features is None or mask is None:
            raise ValueError(
                f"distillation_weight is {self.losses.distillation_weight} and the batch has no teacher_features or "
                "no teacher_mask; DataCollatorForCTC(processor, teacher_size=...) makes both."
            )
        heads = self.teacher_heads
        pairs = zip(heads, layers[-len(heads) :], strict=True)
        return torch.stack([unexplained_variance(head(layer), features, mask) for head, layer in pairs]).mean()

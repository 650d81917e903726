"""What the configuration adds to the CTC loss in training."""

from typing import TYPE_CHECKING

import torch

from .losses_bigru_ctc import consistency_per_frame, sum_over_frames, sum_over_utterances, uniformity_per_frame
from .mmi_bigru_ctc import log_denominator
from .mwer_bigru_ctc import ReadingSearch, nbest_word_errors
from .word_errors_bigru_ctc import expected_word_errors

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

__all__ = ["add_training_losses"]


def add_training_losses(
    loss: torch.Tensor,
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    labels: torch.Tensor,
    config: "PreTrainedConfig",
    denominator_lm: torch.Tensor | None,
    reading_search: ReadingSearch | None,
) -> torch.Tensor:
    """A CTC loss with what the configuration adds to it in training and follows from the log-probabilities.

    Args:
        loss: Scalar.
        log_probs: `(batch, frames, classes)`, a blank on padding.
        lengths: `(batch,)` valid frames.
        labels: `(batch, labels)` token ids, padded with -100 or the blank.
        config: Of the model, a [`BiGRUCTCConfig`].
        denominator_lm: The model's, for `mmi_weight`.
        reading_search: The model's, for `mwer_weight`.

    Returns:
        Scalar.

    Raises:
        ValueError: If there is a weight above zero and not what it needs.
    """
    blank, delimiter, reduction = config.pad_token_id, config.word_delimiter_token_id, config.ctc_loss_reduction
    label_lengths = ((labels >= 0) & (labels != blank)).sum(-1)
    if config.ctc_label_smoothing > 0:
        penalty = sum_over_frames(uniformity_per_frame(log_probs), lengths, label_lengths, reduction)
        loss = torch.lerp(loss, penalty, config.ctc_label_smoothing)
    if config.consistency_weight > 0:
        # Both views have the same lengths and labels. A sum counts every utterance twice, as that of the CTC loss.
        disagreement = consistency_per_frame(log_probs).repeat(2, 1)
        loss = loss + config.consistency_weight * sum_over_frames(disagreement, lengths, label_lengths, reduction)
    if config.mmi_weight > 0:
        if denominator_lm is None:
            raise ValueError(
                f"mmi_weight is {config.mmi_weight}, and there is nothing to compete with: set denominator_lm of "
                "the model (--mmi_lm of scripts/train.py), or mmi_weight to 0."
            )
        # An utterance without frames has a blank on its padding.
        denominators = log_denominator(log_probs, lengths.clamp(min=1), denominator_lm, blank, delimiter)
        loss = loss + config.mmi_weight * sum_over_utterances(denominators, label_lengths, reduction)
    if config.word_error_weight > 0:
        errors, num_words = expected_word_errors(
            log_probs, lengths, labels, blank, delimiter, config.word_error_temperature
        )
        loss = loss + config.word_error_weight * sum_over_utterances(errors, num_words, reduction)
    if config.mwer_weight > 0:
        if reading_search is None:
            raise ValueError(
                f"mwer_weight is {config.mwer_weight}, and there is nothing that finds readings: set reading_search "
                "of the model (--mwer_lm of scripts/train.py), or mwer_weight to 0."
            )
        readings = reading_search(log_probs.detach(), lengths)
        errors, num_words = nbest_word_errors(
            log_probs, lengths, labels, readings, blank, delimiter, config.mwer_scale
        )
        loss = loss + config.mwer_weight * sum_over_utterances(errors, num_words, reduction)
    return loss

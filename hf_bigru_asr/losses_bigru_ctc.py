"""The CTC loss, and what can be added to it in training; each term is scaled as the CTC loss itself is."""

import math

import torch
from transformers import PreTrainedConfig

from .mmi_bigru_ctc import log_denominator
from .mwer_bigru_ctc import ReadingSearch, nbest_word_errors
from .word_errors_bigru_ctc import expected_word_errors


def ctc_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    logit_lengths: torch.Tensor,
    blank_token_id: int,
    reduction: str,
    zero_infinity: bool,
) -> torch.Tensor:
    """The library's CTC loss, for releases of transformers that do not have one yet (5.17, for example).

    Args:
        logits: `(batch, frames, classes)`.
        labels: `(batch, labels)` token ids, padded with negative ones or the blank.
        logit_lengths: `(batch,)` valid frames.
        blank_token_id: Class of the blank.
        reduction: As in `torch.nn.functional.ctc_loss`.
        zero_infinity: Whether the loss of labels that do not fit into the frames counts as zero.

    Returns:
        Scalar, float32.
    """
    valid = (labels >= 0) & (labels != blank_token_id)
    with torch.backends.cudnn.flags(enabled=False):
        return torch.nn.functional.ctc_loss(
            torch.nn.functional.log_softmax(logits, dim=-1, dtype=torch.float32).transpose(0, 1),
            labels[valid],
            logit_lengths,
            valid.sum(-1),
            blank=blank_token_id,
            reduction=reduction,
            zero_infinity=zero_infinity,
        )


def add_training_losses(
    loss: torch.Tensor,
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    labels: torch.Tensor,
    config: PreTrainedConfig,
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


def num_frames_needed(labels: torch.Tensor) -> torch.Tensor:
    """Fewest frames in which CTC can emit each row of `labels` `(batch, labels)`, padded with negative ids.

    One frame for every label and one for a blank between two equal neighbours. Returns `(batch,)` int64.
    """
    valid = labels >= 0
    repeats = (labels[:, 1:] == labels[:, :-1]) & valid[:, 1:]
    return valid.sum(-1) + repeats.sum(-1)


def sum_over_frames(
    values: torch.Tensor, lengths: torch.Tensor, label_lengths: torch.Tensor, reduction: str
) -> torch.Tensor:
    """One loss from one value per frame.

    Args:
        values: `(batch, frames)`; what stands on padding does not count.
        lengths: `(batch,)` valid frames.
        label_lengths: `(batch,)` labels of each utterance.
        reduction: As in `torch.nn.functional.ctc_loss`: `"mean"` divides every utterance's sum by its labels and
            averages over the batch, `"sum"` adds all.

    Returns:
        Scalar.
    """
    position = torch.arange(values.shape[1], device=values.device)[None, :]
    sums = values.masked_fill(position >= lengths[:, None], 0.0).sum(-1)
    return sum_over_utterances(sums, label_lengths, reduction)


def sum_over_utterances(sums: torch.Tensor, label_lengths: torch.Tensor, reduction: str) -> torch.Tensor:
    """One loss from one value per utterance.

    Args:
        sums: `(batch,)`.
        label_lengths: `(batch,)` labels of each utterance, or words.
        reduction: As in [`sum_over_frames`].

    Returns:
        Scalar.
    """
    if reduction == "sum":
        return sums.sum()
    return (sums / label_lengths.clamp(min=1)).mean()


def consistency_per_frame(log_probs: torch.Tensor) -> torch.Tensor:
    """How far two views of the same utterances disagree, frame by frame.

    Args:
        log_probs: `(2 * batch, frames, classes)`: first one view of all utterances, then the other.

    Returns:
        `(batch, frames)`: the mean of the two divergences `KL(other || one)`, each with a gradient to its second
        distribution only.

    Source: CR-CTC (Yao et al., arXiv 2410.05101), equation 6.
    """
    one, other = log_probs.chunk(2)
    return 0.5 * (_divergence(other.detach(), one) + _divergence(one.detach(), other))


def uniformity_per_frame(log_probs: torch.Tensor) -> torch.Tensor:
    """`KL(p || uniform)` of every frame: label smoothing for CTC.

    Args:
        log_probs: `(batch, frames, classes)`.

    Returns:
        `(batch, frames)`.

    Source: S. Kim, M. L. Seltzer, J. Li, R. Zhao, "Improved training for online end-to-end speech recognition
        systems", Interspeech 2018, equation 4.
    """
    return _divergence(log_probs, torch.full_like(log_probs, -math.log(log_probs.shape[-1])))


def _divergence(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """`KL(p || q)` over the last axis."""
    return (log_p.exp() * (log_p - log_q)).sum(-1)

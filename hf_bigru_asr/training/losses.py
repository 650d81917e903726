"""The losses beside CTC; each is reduced over utterances as the CTC loss itself is."""

import torch

from .mmi import log_denominator
from .word_errors import expected_word_errors

__all__ = ["consistency_loss", "consistency_per_frame", "mmi_loss", "sum_over_utterances", "word_error_loss"]


def consistency_loss(
    log_probs: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor, blank_token_id: int, reduction: str
) -> torch.Tensor:
    """Divergence between two views of the same utterances; see [`consistency_per_frame`].

    Args:
        log_probs: `(2 * batch, frames, classes)`: first one view of all utterances, then the other.
        lengths: `(2 * batch,)` valid frames.
        labels: `(2 * batch, labels)` token ids, padded with negative ones or the blank.
        blank_token_id: Class of the blank.
        reduction: See [`sum_over_utterances`]. With "sum" every utterance counts twice, as in the CTC loss.

    Returns:
        Scalar.
    """
    values = consistency_per_frame(log_probs).repeat(2, 1)
    position = torch.arange(values.shape[1], device=values.device)[None, :]
    sums = values.masked_fill(position >= lengths[:, None], 0.0).sum(-1)
    return sum_over_utterances(sums, label_lengths(labels, blank_token_id), reduction)


def mmi_loss(
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    labels: torch.Tensor,
    denominator_lm: torch.Tensor,
    blank_token_id: int,
    word_delimiter_token_id: int,
    reduction: str,
) -> torch.Tensor:
    """The LF-MMI denominator of a batch.

    Args:
        log_probs: `(batch, frames, classes)`, a blank on padding.
        lengths: `(batch,)` valid frames.
        labels: `(batch, labels)` token ids, padded with negative ones or the blank.
        denominator_lm: `transitions` of [`log_denominator`].
        blank_token_id: Class of the blank.
        word_delimiter_token_id: Class between words.
        reduction: See [`sum_over_utterances`].

    Returns:
        Scalar.
    """
    # An utterance without frames counts as one frame of padding, on which the blank has probability one.
    values = log_denominator(log_probs, lengths.clamp(min=1), denominator_lm, blank_token_id, word_delimiter_token_id)
    return sum_over_utterances(values, label_lengths(labels, blank_token_id), reduction)


def word_error_loss(
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    labels: torch.Tensor,
    blank_token_id: int,
    word_delimiter_token_id: int,
    reduction: str,
    *,
    temperature: float = 1.0,
) -> torch.Tensor:
    """Expected word errors of a batch: their rate or their number.

    Args:
        log_probs: `(batch, frames, classes)`.
        lengths: `(batch,)` valid frames.
        labels: `(batch, labels)` token ids, padded with negative ones or the blank.
        blank_token_id: Class of the blank.
        word_delimiter_token_id: Class between words.
        reduction: See [`sum_over_utterances`], with words instead of labels.
        temperature: See [`expected_word_errors`].

    Returns:
        Scalar.
    """
    errors, num_words = expected_word_errors(
        log_probs, lengths, labels, blank_token_id, word_delimiter_token_id, temperature
    )
    return sum_over_utterances(errors, num_words, reduction)


def label_lengths(labels: torch.Tensor, blank_token_id: int) -> torch.Tensor:
    """`(batch,)` labels of each utterance; padding is negative or the blank."""
    return ((labels >= 0) & (labels != blank_token_id)).sum(-1)


def sum_over_utterances(sums: torch.Tensor, units: torch.Tensor, reduction: str) -> torch.Tensor:
    """One loss from one value per utterance.

    Args:
        sums: `(batch,)`.
        units: `(batch,)` labels of each utterance, or words.
        reduction: As in `torch.nn.functional.ctc_loss`: `"mean"` divides every utterance's value by its units and
            averages over the batch, `"sum"` adds all.

    Returns:
        Scalar.
    """
    if reduction == "sum":
        return sums.sum()
    return (sums / units.clamp(min=1)).mean()


def consistency_per_frame(log_probs: torch.Tensor) -> torch.Tensor:
    """Divergence between two views of the same utterances in every frame.

    Args:
        log_probs: `(2 * batch, frames, classes)`: first one view of all utterances, then the other.

    Returns:
        `(batch, frames)`: the mean of `KL(other || one)` and `KL(one || other)`, each with a gradient to its second
        distribution only.

    Source: CR-CTC (Yao et al., arXiv 2410.05101), equation 6.
    """
    one, other = log_probs.chunk(2)
    return 0.5 * (_divergence(other.detach(), one) + _divergence(one.detach(), other))


def _divergence(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    """`KL(p || q)` over the last axis."""
    return (log_p.exp() * (log_p - log_q)).sum(-1)

"""The CTC loss, and what can be added to it in training; each term is scaled as the CTC loss itself is."""

import math

import torch


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

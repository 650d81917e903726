"""What can be added to the CTC loss in training; each term is scaled as the CTC loss itself is."""

import math

import torch


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

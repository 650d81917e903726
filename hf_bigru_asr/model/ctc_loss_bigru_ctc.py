"""The CTC loss, and the frames that labels need."""

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


__all__ = ["ctc_loss", "num_frames_needed"]

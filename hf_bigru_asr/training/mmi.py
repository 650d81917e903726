"""LF-MMI denominator: log of the sum over all label sequences of CTC probability times character n-gram probability.

The CTC loss asks for the probability of the transcript alone. A decoder with a language model chooses between
hypotheses by the product of both, so the network need not learn what the language model knows already. Maximum mutual
information asks for the transcript's share of the sum over all hypotheses.
"""

from pathlib import Path
from typing import Any

import torch

from ..runtime.model_files import read_weights

__all__ = ["TRANSITIONS_NAME", "load_character_lm", "log_denominator"]

TRANSITIONS_NAME = "transitions"
"""Name of the one tensor in the file of an n-gram of characters."""


def log_denominator(
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    transitions: torch.Tensor,
    blank_token_id: int,
    word_delimiter_token_id: int,
) -> torch.Tensor:
    """Log of the sum over all label sequences of CTC probability times character n-gram probability.

    The labels are the classes without the blank, in their order. The n-gram starts in the context of word delimiters
    and scores a delimiter after the last label, unless that is one.

    Args:
        log_probs: `(batch, frames, classes)`, float32 or float64.
        lengths: `(batch,)` valid frames; at least one each.
        transitions: `(labels ** (order - 1), labels)`: the probability of each label after each context, without a
            gradient. `order` is from 3 to 5. A row's number is its context in base `labels`, oldest label first.
        blank_token_id: Class of the blank.
        word_delimiter_token_id: Class between words.

    Returns:
        `(batch,)`, in the precision of `log_probs`; never above zero.

    Raises:
        ValueError: If `transitions` has another shape.

    Source: D. Povey et al., "Purely sequence-trained neural networks for ASR based on lattice-free MMI", Interspeech
        2016; with the topology of CTC: H. Xiang, Z. Ou, "CRF-based single-stage acoustic modeling with CTC topology",
        ICASSP 2019.
    """
    num_labels = log_probs.shape[-1] - 1
    order = next((order for order in (3, 4, 5) if transitions.shape == (num_labels ** (order - 1), num_labels)), None)
    if order is None:
        raise ValueError(
            f"transitions have the shape {tuple(transitions.shape)}; with {num_labels} labels it must be "
            f"({num_labels} ** (order - 1), {num_labels}) for an order from 3 to 5."
        )
    transitions = transitions.to(log_probs)
    delimiter = word_delimiter_token_id - (word_delimiter_token_id > blank_token_id)
    start = sum(delimiter * num_labels**age for age in range(order - 1))
    is_end = torch.arange(len(transitions), device=log_probs.device) % num_labels == delimiter
    finals = torch.where(is_end, 1.0, transitions[:, delimiter])
    return _LogDenominator.apply(log_probs, lengths, transitions, finals, start, blank_token_id)


def load_character_lm(path: str | Path, num_labels: int) -> torch.Tensor:
    """Read a character n-gram that `scripts/build_character_lm.py` wrote, for [`log_denominator`].

    Args:
        path: The file.
        num_labels: Classes of the model without the blank.

    Returns:
        `(labels ** (order - 1), labels)`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is broken, has no n-gram, or one of other labels than the model.
    """
    transitions = read_weights(path).get(TRANSITIONS_NAME)
    if transitions is None or transitions.ndim != 2 or not _is_power(len(transitions), transitions.shape[1]):
        raise ValueError(f"{path} is not an n-gram of characters; scripts/build_character_lm.py writes one.")
    if transitions.shape[1] != num_labels:
        raise ValueError(f"{path} is of {transitions.shape[1]} labels; the model has {num_labels} beside the blank.")
    if not (transitions.min() >= 0 and transitions.max() <= 1):
        raise ValueError(
            f"{path} has values from {transitions.min()} to {transitions.max()}, which are no probabilities; write it "
            "again with scripts/build_character_lm.py."
        )
    return torch.tensor(transitions)


def _is_power(number: int, base: int) -> bool:
    """Whether a number is the base, or a power of it, as the number of contexts is one of the labels."""
    power = base
    while 1 < power < number:
        power *= base
    return power == number


class _LogDenominator(torch.autograd.Function):
    """Forward-backward algorithm on probabilities that are rescaled in every frame.

    A state is a context of the n-gram and whether the last frame had its last label or a blank. Tensors over contexts
    are `(labels ** (order - 1), batch)`. Viewed as `(labels, rest, batch)` the first axis is the oldest label, which
    the next one drops; viewed as `(rest, labels, batch)` the second axis is the latest. So no step copies anything.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's context takes attributes that its class does not declare
        log_probs: torch.Tensor,
        lengths: torch.Tensor,
        transitions: torch.Tensor,
        finals: torch.Tensor,
        start: int,
        blank: int,
    ) -> torch.Tensor:
        batch, num_frames, num_classes = log_probs.shape
        labels, states = num_classes - 1, transitions.shape[0]
        rest = states // labels
        probs = log_probs.exp().permute(1, 2, 0).contiguous()
        blanks, others = probs[:, blank], torch.cat([probs[:, :blank], probs[:, blank + 1 :]], 1)
        # (rest, next label, oldest label), and the entries whose next label equals the latest one.
        steps = transitions.view(labels, rest, labels).permute(1, 2, 0).contiguous()
        again = transitions.view(labels, rest // labels, labels, labels).diagonal(dim1=2, dim2=3)
        again = again.reshape(labels, rest, 1)

        forward = probs.new_empty(2, num_frames, states, batch)
        scales = probs.new_ones(num_frames, batch)
        with_blank, with_label = probs.new_zeros(2, states, batch)
        with_blank[start] = 1.0
        scale = probs.new_ones(batch)
        for frame in range(num_frames):
            either = with_blank + with_label
            entered = torch.bmm(steps, either.view(labels, rest, batch).transpose(0, 1))
            # The same label again needs a blank between the two.
            repeated = (again * with_label.view(labels, rest, batch)).sum(0)
            entered.view(rest // labels, labels, labels, batch).diagonal(dim1=1, dim2=2).sub_(
                repeated.view(rest // labels, labels, batch).transpose(1, 2)
            )
            entered += with_label.view(rest, labels, batch)
            with_blank, with_label = forward[:, frame]
            torch.mul(entered, others[frame] / scale, out=with_label.view(rest, labels, batch))
            torch.mul(either, blanks[frame] / scale, out=with_blank)
            scale = with_blank.sum(0) + with_label.sum(0)
            scales[frame] = scale
        last = forward[:, lengths - 1, :, torch.arange(batch, device=log_probs.device)].sum(1)
        end = (last * finals).sum(-1)
        is_before_last = torch.arange(num_frames, device=log_probs.device)[:, None] < lengths - 1
        ctx.save_for_backward(forward, scales, blanks, others, steps, again, finals, lengths, end)
        ctx.blank = blank
        return scales.log().masked_fill(~is_before_last, 0.0).sum(0) + end.log()

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401 - the same
        *gradients: torch.Tensor,
    ) -> tuple[torch.Tensor | None, ...]:
        """The gradient of a log-probability is the posterior of its class in its frame, given all frames."""
        forward, scales, blanks, others, steps, again, finals, lengths, end = ctx.saved_tensors
        _, num_frames, states, batch = forward.shape
        rest, labels, _ = steps.shape
        steps = steps.transpose(1, 2).contiguous()
        occupied = blanks.new_zeros(num_frames, labels + 1, batch)
        with_blank, with_label = blanks.new_zeros(2, states, batch)
        at_end = finals[:, None] / end
        for frame in range(num_frames - 1, -1, -1):
            is_last = lengths - 1 == frame
            if is_last.any():
                with_blank = torch.where(is_last, at_end, with_blank)
                with_label = torch.where(is_last, at_end, with_label)
            occupied[frame, 0] = (forward[0, frame] * with_blank).sum(0)
            occupied[frame, 1:] = (forward[1, frame] * with_label).view(rest, labels, batch).sum(0)
            if frame == 0:
                break
            scale = scales[frame - 1]
            left = with_label.view(rest, labels, batch) * (others[frame] / scale)
            stayed = with_blank * (blanks[frame] / scale)
            entered = torch.bmm(steps, left).transpose(0, 1)
            with_blank = stayed.view(labels, rest, batch) + entered
            repeated = left.view(rest // labels, labels, labels, batch).diagonal(dim1=1, dim2=2).transpose(1, 2)
            with_label = with_blank - again * repeated.reshape(rest, batch)
            with_blank, with_label = with_blank.view(states, batch), with_label.view(states, batch)
            with_label = with_label + left.view(states, batch)
        occupied = torch.cat([occupied[:, 1 : ctx.blank + 1], occupied[:, :1], occupied[:, ctx.blank + 1 :]], 1)
        return occupied.permute(2, 0, 1) * gradients[0][:, None, None], None, None, None, None, None

"""The losses of a batch against the same computed utterance by utterance."""

import math

import pytest
import torch

from hf_bigru_asr.training.losses import (
    consistency_loss,
    consistency_per_frame,
    mmi_loss,
    sum_over_utterances,
    word_error_loss,
)
from hf_bigru_asr.training.mmi import log_denominator
from hf_bigru_asr.training.word_errors import expected_word_errors

LENGTHS = torch.tensor([9, 6])
LABELS = torch.tensor([[3, 1, 4], [2, -100, -100]])
BLANK, DELIMITER, NUM_CLASSES = 0, 1, 5


def divergence(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def log_probs_of(rows: int) -> torch.Tensor:
    return torch.randn(rows, 9, NUM_CLASSES, generator=torch.Generator().manual_seed(1)).log_softmax(-1)


def test_consistency_is_the_mean_of_two_divergences() -> None:
    log_probs = torch.randn(4, 3, 5).log_softmax(-1)
    result = consistency_per_frame(log_probs)
    assert result.shape == (2, 3)
    for row in range(2):
        for frame in range(3):
            p, q = log_probs[row, frame].exp().tolist(), log_probs[row + 2, frame].exp().tolist()
            expected = (divergence(p, q) + divergence(q, p)) / 2
            assert float(result[row, frame]) == pytest.approx(expected, rel=1e-4)


def test_consistency_draws_each_view_to_the_other_one() -> None:
    """The gradient by logits of KL(p || softmax(z)) with fixed p is softmax(z) - p."""
    logits = torch.randn(2, 1, 5, requires_grad=True)
    consistency_per_frame(logits.log_softmax(-1)).sum().backward()
    p, q = logits.detach().softmax(-1)
    torch.testing.assert_close(logits.grad, 0.5 * torch.stack([p - q, q - p]))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_consistency_counts_valid_frames_of_both_views(reduction: str) -> None:
    log_probs = log_probs_of(4)
    values = consistency_per_frame(log_probs)
    log_probs[1, 6:] = log_probs[3, 6:] = float("nan")  # padding
    found = consistency_loss(log_probs, LENGTHS.repeat(2), LABELS.repeat(2, 1), BLANK, reduction)
    first, second = float(values[0].sum()), float(values[1, :6].sum())
    expected = (first / 3 + second / 1) / 2 if reduction == "mean" else 2 * (first + second)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_mmi_counts_labels(reduction: str) -> None:
    transitions = torch.rand(16, 4, generator=torch.Generator().manual_seed(2))
    transitions /= transitions.sum(-1, keepdim=True)
    log_probs, lengths = log_probs_of(3), torch.tensor([9, 6, 0])
    labels = torch.tensor([[3, 1, 4], [2, BLANK, BLANK], [-100, -100, -100]])
    found = mmi_loss(log_probs, lengths, labels, transitions, BLANK, DELIMITER, reduction)
    # An utterance without frames counts as one frame of padding, on which the model has a blank.
    values = log_denominator(log_probs, torch.tensor([9, 6, 1]), transitions, BLANK, DELIMITER)
    expected = (values[0] / 3 + values[1] + values[2]) / 3 if reduction == "mean" else values.sum()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_word_errors_count_words(reduction: str) -> None:
    torch.manual_seed(4)
    found = word_error_loss(log_probs_of(2), LENGTHS, LABELS, BLANK, DELIMITER, reduction, temperature=0.5)
    torch.manual_seed(4)
    errors, num_words = expected_word_errors(log_probs_of(2), LENGTHS, LABELS, BLANK, DELIMITER, 0.5)
    assert num_words.tolist() == [2, 1]
    expected = (errors[0] / 2 + errors[1]) / 2 if reduction == "mean" else errors.sum()
    torch.testing.assert_close(found, expected)
    assert float(found) > 0


def test_an_utterance_without_labels_counts_as_it_is() -> None:
    sums, units = torch.tensor([6.0, 2.0]), torch.tensor([3, 0])
    assert float(sum_over_utterances(sums, units, "mean")) == pytest.approx((2 + 2) / 2)
    assert float(sum_over_utterances(sums, units, "sum")) == 8

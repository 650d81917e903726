"""The CTC loss for older libraries against the sum over all paths, and the frames that labels need."""

import itertools
import math

import pytest
import torch

from hf_bigru_asr.model.ctc_loss_bigru_ctc import ctc_loss, num_frames_needed

NUM_CLASSES = 4


def negative_log_likelihood(log_probs: torch.Tensor, labels: list[int], blank: int) -> float:
    """By its definition, for `(frames, classes)`."""
    total = 0.0
    for path in itertools.product(range(NUM_CLASSES), repeat=len(log_probs)):
        if [label for label, _ in itertools.groupby(path) if label != blank] == labels:
            total += math.exp(float(log_probs[range(len(path)), list(path)].sum()))
    return -math.log(total)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_it_is_the_sum_over_all_paths(reduction: str, blank: int) -> None:
    log_probs = torch.randn(2, 5, NUM_CLASSES).log_softmax(-1)
    labels = torch.tensor([[3, 1, 1], [1, blank, -100]])  # padded with either
    losses = [
        negative_log_likelihood(log_probs[row, :length], valid, blank)
        for row, length, valid in ((0, 5, [3, 1, 1]), (1, 3, [1]))
    ]
    found = ctc_loss(log_probs, labels, torch.tensor([5, 3]), blank, reduction, zero_infinity=False)
    assert found.dtype == torch.float32
    expected = sum(losses) if reduction == "sum" else (losses[0] / 3 + losses[1]) / 2
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("zero_infinity", "expected"), [(False, math.inf), (True, 0.0)])
def test_labels_that_do_not_fit(zero_infinity: bool, expected: float) -> None:
    log_probs = torch.randn(1, 2, NUM_CLASSES)
    found = ctc_loss(log_probs, torch.tensor([[1, 1]]), torch.tensor([2]), 0, "sum", zero_infinity)
    assert float(found) == expected


def test_equal_neighbours_need_a_frame_between_them() -> None:
    labels = torch.tensor([[3, 3, 3, 4], [3, 4, 3, -100], [-100, -100, -100, -100]])
    assert num_frames_needed(labels).tolist() == [6, 3, 0]

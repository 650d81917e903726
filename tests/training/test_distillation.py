"""The error of a teacher's predicted features; the targets themselves are tested with the collator."""

import torch

from hf_bigru_asr.training.distillation import unexplained_variance


def test_it_is_the_squared_error_of_a_frame_averaged_over_utterances() -> None:
    predicted, wanted = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    frames = [[float(((predicted[row, t] - wanted[row, t]) ** 2).sum()) for t in range(4)] for row in range(2)]
    expected = (sum(frames[0]) / 4 + sum(frames[1][:2]) / 2) / 2
    torch.testing.assert_close(unexplained_variance(predicted, wanted, mask), torch.tensor(expected))


def test_two_halves_of_a_batch_give_the_mean_of_the_whole() -> None:
    """So accumulated gradients are those of one batch, whatever the lengths and whoever has a teacher."""
    predicted, wanted = torch.randn(4, 6, 3), torch.randn(4, 6, 3)
    mask = torch.arange(6) < torch.tensor([6, 0, 2, 5])[:, None]
    halves = [unexplained_variance(predicted[half], wanted[half], mask[half]) for half in (slice(2), slice(2, 4))]
    torch.testing.assert_close(unexplained_variance(predicted, wanted, mask), sum(halves) / 2)


def test_what_heads_predict_perfectly_costs_nothing() -> None:
    wanted, mask = torch.randn(2, 4, 3), torch.ones(2, 4)
    assert unexplained_variance(wanted, wanted, mask) == 0
    # Padding does not count, whatever stands there.
    mask[1, 2:] = 0
    wrong = wanted.clone()
    wrong[1, 2:] = float("nan")
    assert unexplained_variance(wrong, wanted, mask) == 0

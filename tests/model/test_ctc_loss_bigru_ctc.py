import math

import pytest
import torch

from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC
from hf_bigru_asr.training.losses import consistency_per_frame, sum_over_frames, uniformity_per_frame

LENGTHS = [9, 6]
LABELS = [[3, 4, 4], [5, -100, -100]]


def divergence(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    mask = torch.arange(9)[None, :] < torch.tensor(LENGTHS)[:, None]
    return {
        "input_features": torch.randn(2, 9, 16, generator=generator),
        "attention_mask": mask.long(),
        "labels": torch.tensor(LABELS),
    }


def model(**config: object) -> BiGRUForCTC:
    torch.manual_seed(0)
    plain = {"num_mel_bins": 16, "hidden_size": 8, "hidden_dropout": 0.0, "apply_spec_augment": False}
    made = BiGRUForCTC(BiGRUCTCConfig(**(plain | config)))
    made.lm_head.weight.data *= 10
    return made


def ctc(log_probs: torch.Tensor, reduction: str) -> torch.Tensor:
    return torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1), torch.tensor([3, 4, 4, 5]), LENGTHS, [3, 1], reduction=reduction
    )


def plain_sum(values: torch.Tensor, reduction: str) -> float:
    """Sum over valid frames, utterance by utterance."""
    sums = [float(values[row, :length].sum()) for row, length in enumerate(LENGTHS)]
    return sum(sums) if reduction == "sum" else (sums[0] / 3 + sums[1] / 1) / 2


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


def test_uniformity_is_the_divergence_from_uniform() -> None:
    log_probs = torch.randn(2, 3, 5).log_softmax(-1)
    expected = [[divergence(frame.exp().tolist(), [0.2] * 5) for frame in row] for row in log_probs]
    torch.testing.assert_close(uniformity_per_frame(log_probs), torch.tensor(expected), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_padding_does_not_count(reduction: str) -> None:
    values = torch.rand(2, 9)
    values[1, 6:] = float("nan")
    result = sum_over_frames(values, torch.tensor(LENGTHS), torch.tensor([3, 1]), reduction)
    assert float(result) == pytest.approx(plain_sum(values, reduction))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_smoothing_in_the_model(reduction: str) -> None:
    smoothed = model(ctc_label_smoothing=0.1, ctc_loss_reduction=reduction).train()
    outputs = smoothed(**batch())
    penalty = plain_sum(uniformity_per_frame(outputs.logits.detach()), reduction)
    expected = 0.9 * float(ctc(outputs.logits.detach(), reduction)) + 0.1 * penalty
    assert float(outputs.loss.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_intermediate_loss_in_the_model(reduction: str) -> None:
    layered = model(intermediate_ctc_weight=0.3, intermediate_ctc_layer=1, ctc_loss_reduction=reduction).train()
    outputs = layered(**batch())
    assert outputs.hidden_states is None
    lower = layered(**batch(), output_hidden_states=True).hidden_states[1]
    lower_log_probs = layered.lm_head(lower).log_softmax(-1)
    expected = 0.7 * ctc(outputs.logits, reduction) + 0.3 * ctc(lower_log_probs, reduction)
    torch.testing.assert_close(outputs.loss, expected)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_consistency_in_the_model(reduction: str) -> None:
    masked = {
        "apply_spec_augment": True,
        "mask_time_prob": 0.4,
        "mask_time_length": 3,
        "ctc_loss_reduction": reduction,
    }
    consistent = model(consistency_weight=0.2, **masked).train()
    torch.manual_seed(5)
    outputs = consistent(**batch(), output_hidden_states=True)
    assert outputs.logits.shape[0] == 2
    assert all(layer.shape[0] == 2 for layer in outputs.hidden_states)
    # The same masks on a batch that has every utterance twice, without the option.
    twice = {name: torch.cat([value, value]) for name, value in batch().items()}
    plain = model(**masked).train()
    torch.manual_seed(5)
    views = plain(**twice).logits.detach()
    torch.testing.assert_close(outputs.logits, views[:2])
    assert not torch.allclose(views[:2], views[2:])
    total = ctc(views[:2], reduction) + ctc(views[2:], reduction)
    mean = total if reduction == "sum" else total / 2
    times = 2 if reduction == "sum" else 1
    expected = float(mean) + 0.2 * times * plain_sum(consistency_per_frame(views), reduction)
    assert float(outputs.loss.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "option",
    [
        {"consistency_weight": 0.2},
        {"intermediate_ctc_weight": 0.3},
        {"ctc_label_smoothing": 0.1},
        {"mmi_weight": 1.0},
        {"word_error_weight": 1.0},
    ],
)
def test_evaluation_knows_the_ctc_loss_alone(option: dict[str, float]) -> None:
    outputs = model(**option).eval()(**batch())
    torch.testing.assert_close(outputs.loss, ctc(outputs.logits, "mean"))
    torch.testing.assert_close(outputs.loss, model().train()(**batch()).loss)


def test_all_terms_have_finite_gradients() -> None:
    options = {"consistency_weight": 0.2, "intermediate_ctc_weight": 0.3, "ctc_label_smoothing": 0.1}
    options |= {"word_error_weight": 1.0, "word_error_temperature": 0.5}
    every = model(**options, apply_spec_augment=True, mask_time_prob=0.3).train()
    every(**batch()).loss.backward()
    assert all(bool(parameter.grad.isfinite().all()) for parameter in every.parameters())
    assert all(bool(parameter.grad.any()) for parameter in every.parameters())

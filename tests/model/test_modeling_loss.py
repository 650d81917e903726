"""The loss of the model, against brute-force CTC and torch, and its precision."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from small_network import LABELS, LENGTHS, MELS, make_batch, make_mask, make_model
from torch import nn

from hf_bigru_asr import BiGRUForCTC
from hf_bigru_asr.model.ctc_loss_bigru_ctc import ctc_loss, num_frames_needed


def brute_force_ctc(log_probs: torch.Tensor, labels: list[int], blank: int) -> float:
    """Minus the log of the summed probability of every alignment `(frames, classes)` that collapses to the labels."""
    num_frames, num_classes = log_probs.shape
    total = 0.0
    for alignment in itertools.product(range(num_classes), repeat=num_frames):
        if [label for label, _ in itertools.groupby(alignment) if label != blank] == labels:
            total += math.exp(sum(log_probs[frame, label].item() for frame, label in enumerate(alignment)))
    return -math.log(total)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("blank", [0, 2])
def test_loss_is_that_of_all_alignments(reduction: str, blank: int) -> None:
    letter = 1
    other = 2 - blank
    model = make_model(vocab_size=3, pad_token_id=blank, ctc_loss_reduction=reduction)
    features, mask = make_batch([5, 3, 4])
    texts = [[letter, letter, other], [other], [letter, other]]
    labels = torch.tensor([[letter, letter, other], [other, -100, -100], [letter, other, -100]])
    outputs = model(features, attention_mask=mask, labels=labels)
    losses = [brute_force_ctc(outputs.logits[row, :length], texts[row], blank) for row, length in enumerate([5, 3, 4])]
    if reduction == "mean":
        losses = [loss / len(text) / 3 for loss, text in zip(losses, texts, strict=True)]
    assert outputs.loss.item() == pytest.approx(sum(losses), rel=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_loss_is_that_of_torch(reduction: str) -> None:
    model = make_model(ctc_loss_reduction=reduction)
    features, mask = make_batch([30, 17, 24])
    labels = torch.randint(1, 6, (3, 8))
    labels[1, 3:] = -100
    outputs = model(features, attention_mask=mask, labels=labels)
    expected = nn.functional.ctc_loss(
        outputs.logits.transpose(0, 1),
        labels.clamp(min=0),
        input_lengths=torch.tensor([30, 17, 24]),
        target_lengths=torch.tensor([8, 3, 8]),
        blank=0,
        reduction=reduction,
    )
    assert outputs.loss.dtype == torch.float32
    torch.testing.assert_close(outputs.loss, expected)


def test_padding_of_labels_and_frames_does_not_change_the_loss() -> None:
    model = make_model().eval()
    features, mask = make_batch([9, 6])
    labels = torch.tensor([[1, 2, 2], [3, -100, -100]])
    tight = model(features, attention_mask=mask, labels=labels).loss
    wide = model(
        torch.cat([features, torch.randn(2, 4, MELS)], 1),
        attention_mask=make_mask([9, 6], 13),
        labels=torch.cat([labels, torch.full((2, 5), -100)], 1),
    ).loss
    torch.testing.assert_close(tight, wide)


def test_labels_that_do_not_fit_count_as_zero() -> None:
    model = make_model(ctc_zero_infinity=True)
    features, mask = make_batch([6, 3])
    fits = torch.tensor([[1, 2], [3, -100]])
    too_long = torch.tensor([[1, 2], [3, 3]])  # needs three frames, a blank between the two
    assert torch.isfinite(model(features, attention_mask=mask, labels=too_long).loss)
    outputs = model(features, attention_mask=make_mask([6, 2], 6), labels=too_long)
    outputs.loss.backward()
    alone = model(features[:1], labels=fits[:1]).loss
    torch.testing.assert_close(outputs.loss, alone / 2)
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in model.parameters())


def test_labels_that_do_not_fit_are_refused_by_name() -> None:
    model = make_model(ctc_zero_infinity=False)
    features, _ = make_batch([6, 6, 6])
    labels = torch.tensor([[1, 2, 3], [4, -100, -100], [5, 5, 1]])
    model(features, attention_mask=make_mask([6, 6, 4], 6), labels=labels)
    with pytest.raises(ValueError, match=r"labels of utterance 2 of this batch need 4 frames.*but it has 3\."):
        model(features, attention_mask=make_mask([6, 6, 3], 6), labels=labels)


def test_labels_padded_with_the_blank_are_padded_too() -> None:
    model = make_model(ctc_zero_infinity=False)
    features, _ = make_batch([4, 4])
    padded = [torch.tensor([[1, 2, 3, 4], [5, value, value, value]]) for value in (-100, 0)]
    losses = [model(features, attention_mask=make_mask([4, 2], 4), labels=labels).loss for labels in padded]
    assert torch.equal(*losses)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([1, 2, 3], 3), ([1, 1, 1], 5), ([1, 2, 2, -100], 4), ([-100, -100], 0), ([7], 1), ([5, 5, -100, -100], 3)],
    ids=str,
)
def test_frames_that_labels_need(labels: list[int], expected: int) -> None:
    assert num_frames_needed(torch.tensor([labels])).tolist() == [expected]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[1, 6], [2, -100]], r"labels contain the id 6; this model has 6 classes, 0 to 5"),
        ([[1, 2], [-1, -100]], r"labels contain the id -1; this model has 6 classes, 0 to 5"),
    ],
    ids=["too-high", "negative"],
)
def test_labels_outside_the_classes_are_refused(labels: list[list[int]], message: str) -> None:
    features, mask = make_batch([4, 4])
    with pytest.raises(ValueError, match=message):
        make_model()(features, attention_mask=mask, labels=torch.tensor(labels))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_for_older_libraries_is_the_librarys(reduction: str) -> None:
    loss_ctc = pytest.importorskip("transformers.loss.loss_ctc", reason="this transformers has no CTC loss of its own")
    arguments = {
        "logits": torch.randn(3, 20, 29),
        "labels": torch.tensor([[5, 5, 7, -100], [3, -100, -100, -100], [4, 0, 9, 2]]),
        "logit_lengths": torch.tensor([20, 11, 17]),
        "blank_token_id": 0,
        "reduction": reduction,
        "zero_infinity": True,
    }

    torch.testing.assert_close(ctc_loss(**arguments), loss_ctc.ForCTCLoss(**arguments))


# Precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_is_finite_and_close(dtype: torch.dtype) -> None:
    model = make_model()
    features, mask = make_batch(LENGTHS, 15)
    labels = LABELS
    expected = model(features, attention_mask=mask, labels=labels)
    with torch.autocast("cpu", dtype=dtype):
        outputs = model(features, attention_mask=mask, labels=labels)
        with torch.no_grad():
            without_grad = model(features, attention_mask=mask).logits
    outputs.loss.backward()
    assert outputs.loss.dtype == outputs.logits.dtype == torch.float32
    torch.testing.assert_close(outputs.logits, expected.logits, atol=0.03, rtol=0)
    torch.testing.assert_close(without_grad, expected.logits, atol=0.03, rtol=0)
    torch.testing.assert_close(outputs.loss, expected.loss, atol=0.03, rtol=0)
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in model.parameters())


@pytest.mark.parametrize("path", ["packed", "reversed"], indirect=True)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_weights_in_half_precision(dtype: torch.dtype, path: str, tmp_path: Path) -> None:
    full = make_model().eval()
    full.save_pretrained(tmp_path)
    model = BiGRUForCTC.from_pretrained(tmp_path, dtype=dtype).eval()
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    features, mask = make_batch(LENGTHS, 15)
    labels = LABELS
    expected = full(features, attention_mask=mask, labels=labels)
    for inputs in (features, features.to(dtype)):
        outputs = model(inputs, attention_mask=mask, labels=labels)
        assert outputs.loss.dtype == outputs.logits.dtype == torch.float32
        torch.testing.assert_close(outputs.logits, expected.logits, atol=0.1, rtol=0)
        torch.testing.assert_close(outputs.loss, expected.loss, atol=0.1, rtol=0)
        assert torch.equal(outputs.logits[mask == 0].exp(), torch.eye(6)[0].expand((mask == 0).sum(), 6))
        with torch.no_grad():
            without_grad = model(inputs, attention_mask=mask).logits
        torch.testing.assert_close(without_grad, expected.logits, atol=0.1, rtol=0)
    outputs.loss.backward()
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in model.parameters())

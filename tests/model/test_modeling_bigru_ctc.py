"""The network, against `nn.GRU` on packed sequences, brute-force CTC and checkpoints of every kind."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from runtime_support import randomise_biases
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import Trainer, TrainingArguments

from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC, BiGRUModel
from hf_bigru_asr.model import layers_bigru_ctc
from hf_bigru_asr.model.ctc_loss_bigru_ctc import ctc_loss, num_frames_needed
from hf_bigru_asr.model.layers_bigru_ctc import BiGRULayer, GRUFunction
from hf_bigru_asr.model.modeling_bigru_ctc import frame_lengths

MELS = 7
LENGTHS = [13, 1, 6, 13, 2]
LABELS = torch.tensor([[1, 2], [3, -100], [4, 5], [1, 1], [2, -100]])
IMPOSSIBLE = torch.finfo(torch.float32).min


def new_model(**values: float | str) -> BiGRUForCTC:
    """A small model without dropout or masking, but for `values`, as it is initialised."""
    defaults = {
        "num_mel_bins": MELS,
        "hidden_size": 5,
        "num_hidden_layers": 3,
        "vocab_size": 6,
        "hidden_dropout": 0.0,
        "apply_spec_augment": False,
    }
    return BiGRUForCTC(BiGRUCTCConfig(**(defaults | values)))


def make_model(**values: float | str) -> BiGRUForCTC:
    """The same with biases that are not zero."""
    model = new_model(**values)
    randomise_biases(model)
    return model


def make_mask(lengths: list[int], num_frames: int | None = None) -> torch.Tensor:
    return (torch.arange(num_frames or max(lengths))[None, :] < torch.tensor(lengths)[:, None]).long()


def make_batch(lengths: list[int], num_frames: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise `(batch, frames, MELS)`, on padding too, and its attention mask."""
    mask = make_mask(lengths, num_frames)
    return torch.randn(*mask.shape, MELS), mask


def stacked_gru(model: BiGRUForCTC) -> nn.GRU:
    """The library's own stack of bidirectional layers with the same weights."""
    config = model.config
    gru = nn.GRU(
        config.num_mel_bins, config.hidden_size, config.num_hidden_layers, batch_first=True, bidirectional=True
    )
    weights = {
        name.replace("_l0", f"_l{index}"): parameter.detach().clone()
        for index, layer in enumerate(model.bigru.layers)
        for name, parameter in layer.named_parameters()
    }
    gru.load_state_dict(weights)
    return gru


def log_probs_of_packed(gru: nn.GRU, head: nn.Linear, features: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    """What the design asks for: the packed stack, a linear map, log-softmax."""
    packed = pack_padded_sequence(features, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    hidden_states, _ = pad_packed_sequence(gru(packed)[0], batch_first=True, total_length=features.shape[1])
    return torch.log_softmax(head(hidden_states), dim=-1)


@pytest.fixture
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Takes the model through one of its implementations of a layer."""
    if request.param == "packed":
        monkeypatch.setattr(BiGRULayer, "forward", BiGRULayer._forward_packed)
    if request.param == "loop":
        monkeypatch.setattr(layers_bigru_ctc, "LOOP_BATCH_SIZE", 1)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    return request.param


# The network


def test_the_default_network_has_the_parameters_of_the_design() -> None:
    with torch.device("meta"):
        model = BiGRUForCTC(BiGRUCTCConfig())
    assert model.num_parameters() == 2_973_213
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == 2_973_213


def test_both_layouts_give_the_same_output() -> None:
    model = make_model().eval()
    features, mask = make_batch(LENGTHS)
    with torch.no_grad():
        frames_first = model(features, attention_mask=mask).logits
        original = model(features.transpose(1, 2)[:, None], attention_mask=mask).logits
    assert frames_first.shape == (5, 13, 6)
    assert torch.equal(frames_first, original)


@pytest.mark.parametrize("path", ["grad", "no_grad", "loop", "packed"], indirect=True)
@pytest.mark.parametrize("lengths", [[1], [9], [1, 1], LENGTHS, [4, 4, 4], [3, 8, 1, 5]], ids=str)
@pytest.mark.parametrize("extra_frames", [0, 3])
def test_output_is_that_of_a_packed_gru(path: str, lengths: list[int], extra_frames: int) -> None:
    model = make_model()
    features, mask = make_batch(lengths, max(lengths) + extra_frames)
    expected = log_probs_of_packed(stacked_gru(model), model.lm_head, features, lengths)
    with torch.set_grad_enabled(path not in ("no_grad", "loop")):
        actual = model(features, attention_mask=mask).logits
    valid = mask.bool()
    torch.testing.assert_close(actual[valid], expected[valid], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("batch_size", "num_threads", "grad", "expected"),
    [
        (1, 2, False, 0),
        (layers_bigru_ctc.LOOP_BATCH_SIZE, 2, False, 6),
        (layers_bigru_ctc.LOOP_BATCH_SIZE, 1, False, 0),
        (1, 1, True, 6),
    ],
)
def test_the_loop_runs_where_it_is_faster(
    batch_size: int, num_threads: int, grad: bool, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two directions of three layers."""
    calls = []
    apply = GRUFunction.apply
    monkeypatch.setattr(GRUFunction, "apply", lambda *inputs: calls.append(1) or apply(*inputs))
    monkeypatch.setattr(torch, "get_num_threads", lambda: num_threads)
    with torch.set_grad_enabled(grad):
        make_model()(torch.randn(batch_size, 4, MELS))
    assert len(calls) == expected


@pytest.mark.parametrize("path", ["grad", "packed"], indirect=True)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_gradients_are_those_of_a_packed_gru(path: str, training: bool) -> None:
    model = make_model().train(training)
    gru, head = stacked_gru(model), nn.Linear(10, 6)
    head.load_state_dict(model.lm_head.state_dict())
    features, mask = make_batch(LENGTHS, 15)
    weight = torch.randn(5, 15, 6) * mask[..., None]
    ours, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()

    (model(ours, attention_mask=mask).logits * weight).sum().backward()
    (log_probs_of_packed(gru, head, theirs, LENGTHS) * weight).sum().backward()

    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model.lm_head.weight.grad, head.weight.grad, atol=1e-4, rtol=1e-4)
    expected = dict(gru.named_parameters())
    for index, layer in enumerate(model.bigru.layers):
        for name, parameter in layer.named_parameters():
            grad = expected[name.replace("_l0", f"_l{index}")].grad
            torch.testing.assert_close(parameter.grad, grad, atol=1e-4, rtol=1e-4, msg=f"layer {index}, {name}")


def test_loss_gradients_agree_between_all_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    features, mask = make_batch([12, 5, 9])
    labels = torch.tensor([[1, 2, 2, 5], [3, -100, -100, -100], [4, 4, -100, -100]])
    grads = []
    for forward in (BiGRULayer.forward, BiGRULayer._forward_packed):
        monkeypatch.setattr(BiGRULayer, "forward", forward)
        torch.manual_seed(1)
        model = make_model()
        model(features, attention_mask=mask, labels=labels).loss.backward()
        grads.append({name: parameter.grad for name, parameter in model.named_parameters()})
    torch.testing.assert_close(grads[0], grads[1], atol=1e-5, rtol=1e-4)


def test_gradient_reaches_every_parameter() -> None:
    model = make_model()
    features, mask = make_batch(LENGTHS)
    model(features, attention_mask=mask, labels=LABELS).loss.backward()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


# Padding


@pytest.mark.parametrize("path", ["grad", "packed"], indirect=True)
@pytest.mark.parametrize("garbage", [0.0, 1e30, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("apply_spec_augment", [False, True], ids=["plain", "spec_augment"])
def test_content_of_padding_is_irrelevant(path: str, garbage: float, apply_spec_augment: bool) -> None:
    model = make_model(apply_spec_augment=apply_spec_augment, mask_time_prob=0.5).train()
    features, mask = make_batch(LENGTHS, 15)
    labels = LABELS
    results = []
    for value in (3.0, garbage):
        torch.manual_seed(1)
        model.zero_grad()
        padded = features.masked_fill(mask[..., None] == 0, value).requires_grad_()
        outputs = model(padded, attention_mask=mask, labels=labels)
        outputs.loss.backward()
        grads = [parameter.grad.clone() for parameter in model.parameters()]
        results.append([outputs.loss, outputs.logits, padded.grad, *grads])
    for expected, actual in zip(*results, strict=True):
        assert torch.isfinite(actual).all()
        assert torch.equal(expected, actual)


def test_padded_frames_have_all_probability_on_the_blank() -> None:
    model = make_model(pad_token_id=2)
    features, mask = make_batch(LENGTHS, 15)
    logits = model(features, attention_mask=mask).logits
    on_padding = logits[mask == 0]
    assert torch.equal(on_padding.exp(), torch.eye(6)[2].expand_as(on_padding))
    assert torch.equal(on_padding.argmax(-1), torch.full((len(on_padding),), 2))
    assert not (logits[mask == 1] == IMPOSSIBLE).any()


def test_logits_are_log_probabilities_on_every_frame() -> None:
    model = make_model()
    features, mask = make_batch(LENGTHS, 15)
    logits = model(features, attention_mask=mask).logits
    assert torch.isfinite(logits).all()
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(5, 15))
    torch.testing.assert_close(torch.log_softmax(logits, -1), logits)


def test_an_utterance_of_padding_alone_gives_blanks() -> None:
    model = make_model()
    features, _ = make_batch([4, 4])
    outputs = model(features, attention_mask=make_mask([4, 0]), labels=torch.tensor([[1, 2], [-100, -100]]))
    assert torch.equal(outputs.logits[1].exp(), torch.eye(6)[0].expand(4, 6))
    outputs.loss.backward()
    assert all(bool(torch.isfinite(parameter.grad).all()) for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [torch.bool, torch.int32, torch.int64, torch.float32], ids=str)
def test_attention_mask_of_any_dtype(dtype: torch.dtype) -> None:
    model = make_model().eval()
    features, mask = make_batch(LENGTHS)
    expected = model(features, attention_mask=mask).logits
    assert torch.equal(model(features, attention_mask=mask.to(dtype)).logits, expected)


def test_no_attention_mask_means_no_padding() -> None:
    model = make_model().eval()
    features, _ = make_batch([4, 4])
    assert torch.equal(model(features).logits, model(features, attention_mask=torch.ones(2, 4)).logits)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        pytest.param(torch.ones(2, 5), r"shape \(2, 5\); .* \(batch, frames\) = \(2, 4\)", id="frames"),
        pytest.param(torch.ones(1, 4), r"shape \(1, 4\); .* = \(2, 4\)", id="batch"),
        pytest.param(torch.ones(2, 4, 1), r"shape \(2, 4, 1\)", id="dimensions"),
        pytest.param(torch.tensor([[1, 1, 1, 1], [0, 1, 1, 1]]), "a valid frame after a padded one", id="left"),
        pytest.param(torch.tensor([[1, 1, 0, 1], [1, 1, 1, 1]]), "pad on the right", id="hole"),
    ],
)
def test_bad_attention_masks_are_refused(mask: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_model()(torch.zeros(2, 4, MELS), attention_mask=mask)


@pytest.mark.parametrize(
    "shape", [(4, MELS), (2, 4, MELS + 1), (2, 2, MELS, 4), (2, 1, 4, MELS), (2, 0, MELS)], ids=str
)
def test_bad_feature_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"input_features has the shape .*; give \(batch, frames, 7\)"):
        make_model()(torch.zeros(shape))


def test_lengths_come_from_the_mask() -> None:
    assert frame_lengths(make_mask([3, 0, 5])).tolist() == [3, 0, 5]


# Loss


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


# SpecAugment


def masked_cells(model: BiGRUForCTC, features: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the first layer gets, and where that is not what came in."""
    with torch.no_grad():
        seen = model(features, attention_mask=mask, output_hidden_states=True).hidden_states[0]
    return seen, (seen != features) & (mask[..., None] == 1)


def test_masking_happens_in_training_only() -> None:
    model = make_model(apply_spec_augment=True, mask_time_prob=0.5, mask_feature_prob=0.5, mask_feature_length=3)
    features, mask = make_batch([40, 30])
    assert masked_cells(model.train(), features, mask)[1].any()
    assert not masked_cells(model.eval(), features, mask)[1].any()
    model.config.apply_spec_augment = False
    assert not masked_cells(model.train(), features, mask)[1].any()


def test_masks_fall_on_valid_frames_and_hold_the_mean() -> None:
    model = make_model(
        apply_spec_augment=True, mask_time_min_masks=2, mask_feature_min_masks=1, mask_feature_length=4
    ).train()
    lengths = [60, 1, 25]
    features, mask = make_batch(lengths, 64)
    for _ in range(20):
        seen, masked = masked_cells(model, features, mask)
        for row, length in enumerate(lengths):
            mean = features[row, :length].mean(0).expand(length, MELS)
            where = masked[row, :length]
            torch.testing.assert_close(seen[row, :length][where], mean[where])
            assert (seen[row, length:] == 0).all()
        # Whole frames and whole bins are masked: every masked cell lies in one of the two.
        full_frames, full_bins = masked[0, :60].all(1), masked[0, :60].all(0)
        assert torch.equal(masked[0, :60], full_frames[:, None] | full_bins[None, :])


def test_masks_depend_on_the_seed_alone() -> None:
    model = make_model(apply_spec_augment=True, mask_time_prob=0.4).train()
    features, mask = make_batch([40, 30])
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(masked_cells(model, features, mask)[1])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("probability", [0.02, 0.05])
@pytest.mark.parametrize("num_frames", [37, 400])
def test_expected_share_of_masked_frames(probability: float, num_frames: int) -> None:
    model = make_model(apply_spec_augment=True, mask_time_prob=probability, mask_time_length=10).train()
    features, mask = make_batch([num_frames] * 600)
    share = model.bigru._mask_features(features, mask.sum(-1)).ne(features).all(-1).float().mean().item()
    # A little under it: masks overlap.
    assert probability * 0.8 < share < probability * 1.15


def test_expected_share_of_masked_bins() -> None:
    model = make_model(
        num_mel_bins=128, apply_spec_augment=True, mask_time_prob=0.0, mask_feature_prob=0.1, mask_feature_length=20
    ).train()
    features = torch.randn(600, 2, 128)
    changed = model.bigru._mask_features(features, torch.full((600,), 2)).ne(features)
    share = changed.all(1).float().mean().item()
    assert 0.08 < share < 0.115
    assert torch.equal(changed.all(1), changed.any(1))


# Outputs


def test_hidden_states() -> None:
    model = make_model().eval()
    features, mask = make_batch(LENGTHS)
    outputs = model(features, attention_mask=mask, output_hidden_states=True)
    assert [state.shape for state in outputs.hidden_states] == [(5, 13, MELS), *[(5, 13, 10)] * 3]
    encoded = model.bigru(features, attention_mask=mask)
    assert encoded.hidden_states is None
    assert torch.equal(encoded.last_hidden_state, outputs.hidden_states[-1])
    assert all(bool((state[mask == 0] == 0).all()) for state in outputs.hidden_states)
    assert model(features, attention_mask=mask).hidden_states is None
    model.config.output_hidden_states = True
    assert len(model(features, attention_mask=mask).hidden_states) == 4


def test_tuples_on_request() -> None:
    model = make_model().eval()
    features, _ = make_batch([6, 6])
    labels = torch.tensor([[1], [2]])
    outputs = model(features, labels=labels)
    loss, logits = model(features, labels=labels, return_dict=False)
    assert torch.equal(loss, outputs.loss)
    assert torch.equal(logits, outputs.logits)
    (alone,) = model(features, return_dict=False)
    assert torch.equal(alone, outputs.logits)
    (encoded,) = model.bigru(features, return_dict=False)
    assert torch.equal(encoded, model.bigru(features).last_hidden_state)


def test_dropout_between_layers_and_not_after_the_last() -> None:
    model = make_model(hidden_dropout=0.5, num_hidden_layers=1).train()
    features, _ = make_batch([6, 6])
    assert torch.equal(model(features).logits, model(features).logits)
    model = make_model(hidden_dropout=0.5, num_hidden_layers=2).train()
    first, second = (model(features, output_hidden_states=True).hidden_states for _ in range(2))
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[2], second[2])


# Checkpoints


def assert_properly_initialised(gru: nn.GRU, tolerance: float) -> None:
    """Orthogonal recurrent and Xavier input weights, per gate, and zero biases."""
    for name, parameter in gru.named_parameters():
        weight = parameter.detach().float()
        if name.startswith("bias"):
            assert (weight == 0).all(), name
            continue
        for block in weight.chunk(3):
            if name.startswith("weight_hh"):
                torch.testing.assert_close(block @ block.T, torch.eye(len(block)), atol=tolerance, rtol=0)
            else:
                bound = math.sqrt(6 / sum(block.shape))
                assert 0.8 * bound < block.abs().max() <= bound * (1 + tolerance), name
                assert block.std() == pytest.approx(bound / math.sqrt(3), rel=0.35), name


def test_new_weights() -> None:
    model = new_model()
    for layer in model.bigru.layers:
        assert_properly_initialised(layer, 1e-5)
    assert (model.lm_head.bias == 0).all()
    bound = math.sqrt(6 / (10 + 6))
    assert 0.8 * bound < model.lm_head.weight.abs().max() <= bound


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("missing", ["layers.1", "layers.0.weight_hh_l0_reverse", "bias", "lm_head", ""])
def test_missing_keys_are_initialised(missing: str, dtype: torch.dtype, tmp_path: Path) -> None:
    saved = make_model()
    for parameter in saved.parameters():
        nn.init.uniform_(parameter, 2, 3)
    saved.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if missing not in name}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})

    model, report = BiGRUForCTC.from_pretrained(tmp_path, dtype=dtype, output_loading_info=True)

    assert set(report["missing_keys"]) == weights.keys() - kept.keys()
    for name, parameter in model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert parameter.dtype == dtype
        if name in kept:
            assert torch.equal(parameter, kept[name].to(dtype)), name
        elif "bias" in name:
            assert (parameter == 0).all(), name
        elif "weight_hh" in name:
            for block in parameter.detach().float().chunk(3):
                torch.testing.assert_close(block @ block.T, torch.eye(5), atol=0.02, rtol=0)
        else:
            assert parameter.abs().max() < 2, name
            assert parameter.float().std() > 0.1, name


def test_the_encoder_alone_loads_from_a_recogniser(tmp_path: Path) -> None:
    model = make_model()
    model.save_pretrained(tmp_path)
    encoder = BiGRUModel.from_pretrained(tmp_path)
    assert {name: weight.tolist() for name, weight in encoder.state_dict().items()} == {
        name: weight.tolist() for name, weight in model.bigru.state_dict().items()
    }


@pytest.mark.parametrize("device_map", ["cpu", "auto", {"": "cpu"}], ids=str)
def test_device_map(device_map: str | dict[str, str], tmp_path: Path) -> None:
    model = make_model().eval()
    model.save_pretrained(tmp_path)
    loaded = BiGRUForCTC.from_pretrained(tmp_path, device_map=device_map)
    features, mask = make_batch(LENGTHS)
    device = loaded.device
    outputs = loaded(features.to(device), attention_mask=mask.to(device)).logits.cpu()
    torch.testing.assert_close(outputs, model(features, attention_mask=mask).logits, atol=1e-5, rtol=0)


def share_one_storage(model: BiGRUForCTC) -> None:
    """Make each layer's parameters views of one flat tensor, as cuDNN does on a GPU."""
    for layer in model.bigru.layers:
        parameters = list(layer.parameters())
        flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.data = part.view_as(parameter)
        assert len({parameter.untyped_storage().data_ptr() for parameter in parameters}) == 1


def save_with_accelerate(model: BiGRUForCTC, folder: Path) -> None:
    Accelerator(cpu=True).save_model(model, folder)
    model.config.save_pretrained(folder)


def save_with_trainer(model: BiGRUForCTC, folder: Path) -> None:
    arguments = TrainingArguments(output_dir=str(folder), report_to=[], use_cpu=True)
    Trainer(model, arguments, train_dataset=[{}]).save_model()


@pytest.mark.parametrize(
    "save",
    [BiGRUForCTC.save_pretrained, save_with_accelerate, save_with_trainer],
    ids=["save_pretrained", "accelerate", "trainer"],
)
def test_weights_in_one_storage_are_all_saved(save: Callable[[BiGRUForCTC, Path], None], tmp_path: Path) -> None:
    model = make_model()
    expected = {name: weight.clone() for name, weight in model.state_dict().items()}
    share_one_storage(model)
    save(model, tmp_path)
    assert load_file(tmp_path / "model.safetensors").keys() == expected.keys()
    loaded = BiGRUForCTC.from_pretrained(tmp_path)
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, expected[name]), name


def test_accelerate_resumes_weights_in_one_storage(tmp_path: Path) -> None:
    model = make_model()
    expected = {name: weight.clone() for name, weight in model.state_dict().items()}
    share_one_storage(model)
    accelerator = Accelerator(cpu=True)
    prepared = accelerator.prepare(model)
    accelerator.save_state(tmp_path)
    for parameter in model.parameters():
        parameter.data.zero_()
    accelerator.load_state(tmp_path)
    for name, weight in prepared.state_dict().items():
        assert torch.equal(weight, expected[name]), name


def test_state_dict_holds_the_weights_themselves() -> None:
    model = make_model()
    for name, weight in model.state_dict().items():
        assert weight.data_ptr() == model.get_parameter(name).data_ptr(), name
    share_one_storage(model)
    for name, weight in model.state_dict(keep_vars=True).items():
        assert weight is model.get_parameter(name), name


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_equals_cpu_and_its_weights_are_saved(tmp_path: Path) -> None:
    model = make_model()
    features, mask = make_batch([*LENGTHS, 0], 15)
    labels = torch.tensor([[1, 2], [3, -100], [4, 5], [1, 1], [2, -100], [-100, -100]])
    expected = model(features, attention_mask=mask, labels=labels)
    expected.loss.backward()
    expected_grads = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    model.cuda()
    outputs = model(features.cuda(), attention_mask=mask.cuda(), labels=labels.cuda())
    outputs.loss.backward()
    grads = {name: parameter.grad.cpu() for name, parameter in model.named_parameters()}
    torch.testing.assert_close(outputs.logits.cpu(), expected.logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(grads, expected_grads, atol=1e-3, rtol=1e-3)

    model.save_pretrained(tmp_path)
    loaded = BiGRUForCTC.from_pretrained(tmp_path).cuda().train()
    again = loaded(features.cuda(), attention_mask=mask.cuda()).logits
    torch.testing.assert_close(again, outputs.logits, atol=1e-5, rtol=0)
    accelerator = Accelerator()
    prepared = accelerator.prepare(loaded)
    accelerator.save_state(tmp_path / "state")
    before = {name: weight.clone() for name, weight in prepared.state_dict().items()}
    for parameter in loaded.parameters():
        parameter.data.zero_()
    accelerator.load_state(tmp_path / "state")
    assert all(torch.equal(weight, before[name]) for name, weight in prepared.state_dict().items())


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

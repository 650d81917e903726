"""The network, against `nn.GRU` on packed sequences."""

import math

import pytest
import torch
from small_network import LABELS, LENGTHS, MELS, make_batch, make_mask, make_model
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hf_bigru_asr import BiGRUCTCConfig, BiGRUForCTC
from hf_bigru_asr.model import layers_bigru_ctc
from hf_bigru_asr.model.layers_bigru_ctc import BiGRULayer, GRUFunction
from hf_bigru_asr.model.modeling_bigru_ctc import frame_lengths

IMPOSSIBLE = torch.finfo(torch.float32).min


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

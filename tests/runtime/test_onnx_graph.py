"""The graphs against torch: the recogniser, the same with its features, and single directions with their state."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from runtime_support import EXTRACTORS, RUNTIME_CASES, needs_onnx, padded_batch, run_graph, weights_of

from benchmarks.int8 import quantize_graph
from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCFeatureExtractor, BiGRUForCTC
from hf_bigru_asr.runtime.log_mel import LogMelSettings
from hf_bigru_asr.runtime.onnx_graph import (
    gru_direction_graph,
    head_graph,
    recognizer_graph,
    waveform_recognizer_graph,
    weights_of_graph,
)

TOLERANCE = 1e-4
LENGTHS = [[1], [2], [77], [1, 2, 3], [40, 1, 17, 40, 39], [5, 33, 8]]


@torch.inference_mode()
def torch_log_probs(model: BiGRUForCTC, features: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
    return model(features, attention_mask=mask).logits.numpy()


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_recognizer_equals_torch(tiny_model: BiGRUForCTC, runtime: str, lengths: list[int]) -> None:
    features, mask = padded_batch(lengths)

    (logits,) = run_graph(
        runtime, recognizer_graph(weights_of(tiny_model)), input_features=features.numpy(), lengths=np.array(lengths)
    )

    expected = torch_log_probs(tiny_model, features, mask)
    padding = mask.numpy() == 0
    np.testing.assert_allclose(logits[~padding], expected[~padding], atol=TOLERANCE)
    np.testing.assert_array_equal(logits[padding], expected[padding])
    assert (logits[padding].argmax(-1) == 0).all()


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_default_network_equals_torch(runtime: str) -> None:
    model = BiGRUForCTC(BiGRUCTCConfig()).eval()
    features, mask = padded_batch([30, 7])

    graph = recognizer_graph(weights_of(model))
    (logits,) = run_graph(runtime, graph, input_features=features.numpy(), lengths=np.array([30, 7]))

    assert sum(node.op_type == "GRU" for node in graph.graph.node) == 6
    np.testing.assert_allclose(logits, torch_log_probs(model, features, mask), atol=TOLERANCE)


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_an_utterance_without_frames_is_all_blank(tiny_model: BiGRUForCTC, runtime: str) -> None:
    features = np.zeros((2, 5, 128), dtype=np.float32)

    graph = recognizer_graph(weights_of(tiny_model), blank_id=3)
    (logits,) = run_graph(runtime, graph, input_features=features, lengths=np.array([5, 0]))

    assert (logits[1, :, 3] == 0).all()
    assert (np.delete(logits[1], 3, axis=-1) == np.finfo(np.float32).min).all()


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
@pytest.mark.parametrize("options", EXTRACTORS.values(), ids=EXTRACTORS)
def test_waveform_recognizer_equals_torch(runtime: str, options: dict[str, Any]) -> None:
    extractor = BiGRUCTCFeatureExtractor(**options)
    model = BiGRUForCTC(BiGRUCTCConfig(hidden_size=8, num_hidden_layers=1, num_mel_bins=extractor.feature_size)).eval()
    rng = np.random.default_rng(0)
    waveforms = [rng.normal(0, 0.1, num).astype(np.float32) for num in (9000, 1, 16_000, 640, 641)]
    for waveform in waveforms:
        waveform[len(waveform) // 2 :] /= 100  # so that one half is speech for the normalisation by speech
    inputs = extractor(waveforms, sampling_rate=16_000, return_tensors="pt")
    padded = rng.normal(0, 10, (len(waveforms), 16_000)).astype(np.float32)
    for row, waveform in zip(padded, waveforms, strict=True):
        row[: len(waveform)] = waveform

    graph = waveform_recognizer_graph(weights_of(model), LogMelSettings.from_dict(extractor.to_dict()))
    logits, lengths = run_graph(runtime, graph, waveform=padded, lengths=np.array(list(map(len, waveforms))))

    np.testing.assert_array_equal(lengths, inputs.attention_mask.sum(-1))
    np.testing.assert_allclose(
        logits, torch_log_probs(model, inputs.input_features, inputs.attention_mask), atol=1e-3, rtol=1e-3
    )


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_a_direction_in_chunks_equals_one_pass(tiny_model: BiGRUForCTC, runtime: str, backward: bool) -> None:
    layer = tiny_model.bigru.layers[1]
    frames = torch.randn(2, 23, 16)
    with torch.inference_mode():
        expected = torch.nn.GRU.forward(layer, frames)[0][..., 8 * backward : 8 * backward + 8].numpy()

    graph = gru_direction_graph(weights_of(tiny_model), 1, backward=backward)
    state = np.zeros((2, 8), dtype=np.float32)
    pieces = []
    chunks = [frames[:, :10], frames[:, 10:11], frames[:, 11:]]
    for chunk in reversed(chunks) if backward else chunks:
        taken = chunk.flip(1) if backward else chunk
        outputs, state = run_graph(runtime, graph, inputs=taken.transpose(0, 1).contiguous().numpy(), states=state)
        pieces.append(outputs.swapaxes(0, 1)[:, :: -1 if backward else 1])

    np.testing.assert_allclose(np.concatenate(pieces[::-1] if backward else pieces, axis=1), expected, atol=1e-5)
    np.testing.assert_allclose(state, expected[:, 0 if backward else -1], atol=1e-5)


@needs_onnx
def test_weights_come_back_from_the_graph(tiny_model: BiGRUForCTC) -> None:
    weights = weights_of(tiny_model)
    found = weights_of_graph(recognizer_graph(weights).SerializeToString())
    assert found.keys() == weights.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(found[name], value)


@needs_onnx
def test_a_quantised_graph_has_no_weights_to_give(tiny_model: BiGRUForCTC) -> None:
    graph = quantize_graph(recognizer_graph(weights_of(tiny_model)).SerializeToString())
    with pytest.raises(ValueError, match=r"has been changed since it was made .*scripts/export\.py"):
        weights_of_graph(graph)


@needs_onnx
@pytest.mark.parametrize("kind", ["GRU", "MatMul", "Add"])
def test_a_graph_with_a_node_before_its_weights_has_none_to_give(tiny_model: BiGRUForCTC, kind: str) -> None:
    from onnx import helper

    model = recognizer_graph(weights_of(tiny_model))
    place, node = [(place, node) for place, node in enumerate(model.graph.node) if node.op_type == kind][-1]
    model.graph.node.insert(place, helper.make_node("Identity", [node.input[1]], ["behind"]))
    node.input[1] = "behind"
    with pytest.raises(ValueError, match=r"has been changed since it was made .*scripts/export\.py"):
        weights_of_graph(model.SerializeToString())


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_head_equals_torch(tiny_model: BiGRUForCTC, runtime: str) -> None:
    hidden = torch.randn(7, 16)
    with torch.inference_mode():
        expected = tiny_model.lm_head(hidden).log_softmax(-1).numpy()
    (log_probs,) = run_graph(runtime, head_graph(weights_of(tiny_model)), hidden_states=hidden.numpy())
    np.testing.assert_allclose(log_probs, expected, atol=1e-5)


def drop_head(weights: dict[str, np.ndarray]) -> None:
    del weights["lm_head.bias"]


def add_unknown(weights: dict[str, np.ndarray]) -> None:
    weights["adapter.weight"] = np.zeros(1, dtype=np.float32)


def drop_columns(weights: dict[str, np.ndarray]) -> None:
    weights["bigru.layers.1.weight_ih_l0"] = weights["bigru.layers.1.weight_ih_l0"][:, :-1]


@needs_onnx
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_head, r"missing are \['lm_head.bias'\], unknown are none"),
        (add_unknown, r"missing are none, unknown are \['adapter.weight'\]"),
        (drop_columns, r"weight_ih_l0 has the shape \(24, 15\); it must be \(24, 16\)"),
    ],
)
def test_other_weights_are_refused(
    tiny_model: BiGRUForCTC, change: Callable[[dict[str, np.ndarray]], None], message: str
) -> None:
    weights = weights_of(tiny_model)
    change(weights)

    with pytest.raises(ValueError, match=message):
        recognizer_graph(weights)


@needs_onnx
def test_arguments_that_do_not_fit_are_refused(tiny_model: BiGRUForCTC) -> None:
    weights = weights_of(tiny_model)

    with pytest.raises(ValueError, match="layer is 2; this network has the layers 0 to 1"):
        gru_direction_graph(weights, 2)
    with pytest.raises(ValueError, match="blank_id is 29; it must be one of the 29 classes"):
        recognizer_graph(weights, blank_id=29)
    with pytest.raises(ValueError, match="takes 128 mel bins and the feature extractor gives 80"):
        waveform_recognizer_graph(weights, LogMelSettings(feature_size=80))

"""The network with 8 bits against torch, and its kernels, batches and layers against each other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import torch
from small_network import MELS, make_model

from hf_bigru_asr import BiGRUForCTC
from hf_bigru_asr.native.library import is_available
from hf_bigru_asr.native.network import CompiledNetwork, FloatArray

pytestmark = pytest.mark.skipif(not is_available(), reason="the compiled part of the package is not there")

KERNELS = ("generic", "avx2", "avxvnni", "avx512vnni", "dotprod")
PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def arrays_of(model: BiGRUForCTC) -> tuple[list[FloatArray], FloatArray, FloatArray]:
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    layers = [
        weights[f"bigru.layers.{layer}.{part}{direction}"]
        for layer, direction, part in product(range(model.config.num_hidden_layers), ("", "_reverse"), PARTS)
    ]
    return layers, weights["lm_head.weight"], weights["lm_head.bias"]


def network_of(model: BiGRUForCTC, kernel: str | None = None) -> CompiledNetwork:
    return CompiledNetwork(*arrays_of(model), kernel)


def noise(*lengths: int, size: int = MELS, seed: int = 0) -> list[FloatArray]:
    generator = np.random.default_rng(seed)
    return [generator.normal(0, 1, (length, size)).astype(np.float32) for length in lengths]


def log_probs_of(model: BiGRUForCTC, features: FloatArray) -> FloatArray:
    with torch.inference_mode():
        return model.eval()(torch.from_numpy(features)[None]).logits[0].numpy()


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> str:
    try:
        network_of(make_model(), request.param)
    except ValueError:
        pytest.skip(f"this processor has no {request.param}")
    return request.param


@pytest.mark.parametrize("options", [{}, {"hidden_size": 33, "vocab_size": 3}, {"num_hidden_layers": 1}])
def test_log_probs_are_close_to_those_of_torch(options: dict[str, float], kernel: str) -> None:
    torch.manual_seed(0)
    model = make_model(**options)
    network = network_of(model, kernel)
    assert network.kernel == kernel
    features = noise(1, 2, 333)

    for frames, found in zip(features, network.log_probs(features), strict=True):
        expected = log_probs_of(model, frames)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=0.03)
        np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=1e-5)
        assert np.abs(found - expected).mean() < 0.005


def test_features_of_any_size_keep_their_precision(kernel: str) -> None:
    torch.manual_seed(0)
    model = make_model()
    (frames,) = noise(40)
    frames *= np.logspace(-6, 6, 40, dtype=np.float32)[:, None]
    frames[5] = 0

    found = network_of(model, kernel).log_probs([frames])[0]
    np.testing.assert_allclose(found, log_probs_of(model, frames), atol=0.03)


def test_all_kernels_give_the_same_bits(kernel: str) -> None:
    torch.manual_seed(0)
    model = make_model(hidden_size=48, num_mel_bins=30)
    features = noise(100, 1, 61, 99, size=30)
    expected, found = (network_of(model, name).log_probs(features) for name in ("generic", kernel))
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_row_does_not_depend_on_the_others(kernel: str) -> None:
    network = network_of(make_model(hidden_size=20), kernel)
    features = noise(*(1 + 7 * number % 40 for number in range(21)), 0)
    together = network.log_probs(features)
    for frames, found in zip(features, together, strict=True):
        np.testing.assert_array_equal(found, network.log_probs([frames])[0])
    assert network.log_probs([]) == []


def through_layers(network: CompiledNetwork, features: FloatArray, num_frames: int) -> FloatArray:
    """Log-probabilities of `(frames, segments, features)`, each layer in pieces."""
    hidden = features
    for layer in range(network.num_layers):
        outputs = []
        for backward in (False, True):
            frames = hidden[::-1] if backward else hidden
            states = np.zeros((hidden.shape[1], network.hidden_size), dtype=np.float32)
            pieces = []
            for start in range(0, len(frames), num_frames):
                piece, states = network.run_layer(layer, frames[start : start + num_frames], states, backward=backward)
                np.testing.assert_array_equal(piece[-1], states)
                pieces.append(piece)
            found = np.concatenate(pieces)
            outputs.append(found[::-1] if backward else found)
        hidden = np.concatenate(outputs, axis=2)
    return np.stack([network.run_head(hidden[:, segment]) for segment in range(hidden.shape[1])])


@pytest.mark.parametrize("num_segments", [1, 3, 11])
def test_layer_by_layer_is_the_whole(num_segments: int, kernel: str) -> None:
    network = network_of(make_model(), kernel)
    segments = noise(*([70] * num_segments))
    found = through_layers(network, np.stack(segments, axis=1), 13)
    np.testing.assert_array_equal(found, np.stack(network.log_probs(segments)))


def test_threads_share_a_network() -> None:
    network = network_of(make_model(hidden_size=40))
    batches = [noise(50, 80, seed=seed) for seed in range(16)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(network.log_probs, batches))
    for batch, scores in zip(batches, found, strict=True):
        for one, other in zip(network.log_probs(batch), scores, strict=True):
            np.testing.assert_array_equal(one, other)


def test_weights_of_zero() -> None:
    model = make_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    found = network_of(model).log_probs(noise(9))[0]
    np.testing.assert_allclose(found, -np.log(6), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda network: network.log_probs(noise(3, size=MELS + 1)), r"The shape is \(3, 8\); .* the last one of 7"),
        (lambda network: network.run_head(noise(3, size=MELS)[0]), r"The shape is \(3, 7\); .* the last one of 10"),
        (
            lambda network: network.run_layer(3, np.zeros((1, 1, 10)), np.zeros((1, 5)), backward=False),
            "layer is 3; this network has the layers 0 to 2",
        ),
        (
            lambda network: network.run_layer(1, np.zeros((1, 2, 10)), np.zeros((1, 5)), backward=False),
            "There are 2 segments and 1 states",
        ),
    ],
    ids=["features", "hidden states", "layer", "states"],
)
def test_arrays_that_do_not_fit_are_refused(call: Callable[[CompiledNetwork], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(network_of(make_model()))


def test_weights_and_kernels_that_do_not_fit_are_refused() -> None:
    layers, weight, bias = arrays_of(make_model())
    with pytest.raises(ValueError, match="The arrays are not those of a network"):
        CompiledNetwork(layers[:-1], weight, bias)
    with pytest.raises(ValueError, match="The arrays are not those of a network"):
        CompiledNetwork(layers, weight, bias[:-1])
    with pytest.raises(ValueError, match="kernel is 'mmx'; this processor has no such instructions"):
        CompiledNetwork(layers, weight, bias, "mmx")

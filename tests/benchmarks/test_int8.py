"""The network with eight-bit weights against itself, on a network whose text is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from runtime_support import needs_onnx
from tone_speech import speak

from benchmarks.int8 import Int8Network, greedy_wer, int8_networks, time_networks
from hf_bigru_asr import BiGRUCTCProcessor

pytestmark = needs_onnx


@pytest.fixture(scope="module")
def networks(listener_dir: Path) -> dict[str, Int8Network]:
    return int8_networks(listener_dir, num_threads=1)


def test_torch_alone_makes_the_grus_smaller(networks: dict[str, Int8Network]) -> None:
    num_float_grus = {name: network.num_float_grus for name, network in networks.items()}
    of_all = num_float_grus["ONNX Runtime, float32"]
    assert num_float_grus == {
        "torch, packed nn.GRU, float32": of_all,
        "torch, packed nn.GRU, int8": 0,
        "ONNX Runtime, float32": of_all,
        "ONNX Runtime, int8": of_all,
    }
    num_bytes = {name: network.num_bytes for name, network in networks.items()}
    assert num_bytes["torch, packed nn.GRU, int8"] < 0.4 * num_bytes["torch, packed nn.GRU, float32"]
    # The layer of the classes is all that becomes smaller.
    assert 0.9 * num_bytes["ONNX Runtime, float32"] < num_bytes["ONNX Runtime, int8"]
    assert num_bytes["ONNX Runtime, int8"] < num_bytes["ONNX Runtime, float32"]


def test_eight_bits_change_log_probabilities_a_little(networks: dict[str, Int8Network]) -> None:
    features = torch.randn(2, 40, 128, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        results = {name: network.log_probs(features) for name, network in networks.items()}
    exact = results["torch, packed nn.GRU, float32"]
    torch.testing.assert_close(results["ONNX Runtime, float32"], exact, atol=1e-4, rtol=1e-4)
    for name in ("torch, packed nn.GRU, int8", "ONNX Runtime, int8"):
        change = (results[name] - exact).abs().mean() / exact.abs().mean()
        assert 1e-4 < change < 0.05


def test_error_rates_of_the_networks(listener_dir: Path, networks: dict[str, Int8Network]) -> None:
    processor = BiGRUCTCProcessor.from_pretrained(listener_dir)
    waveforms = [speak("HI YOU")[0], speak("ALL", seed=1)[0]]
    for network in networks.values():
        assert greedy_wer(network, processor, waveforms, ["HI YOU", "TALL"]) == pytest.approx(1 / 3)


def test_networks_are_timed_in_turns() -> None:
    calls: list[str] = []

    def network(name: str) -> Int8Network:
        def log_probs(features: torch.Tensor) -> torch.Tensor:
            calls.append(f"{name} {tuple(features.shape)}")
            return features

        return Int8Network(log_probs, 0, 0)

    times_s = time_networks({"one": network("one"), "two": network("two")}, 3, 7, 5, repeats=2)
    assert calls == ["one (3, 7, 5)", "two (3, 7, 5)"] * 3
    assert list(times_s) == ["one", "two"]
    assert all(np.isfinite(each) and each > 0 for each in times_s.values())

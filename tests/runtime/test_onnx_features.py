"""The features as nodes of a graph, against the feature extractor."""

from typing import Any

import numpy as np
import pytest
from runtime_support import EXTRACTORS, RUNTIME_CASES, needs_onnx, run_graph
from speech_prior import SPEECH, speech_prior

from hf_bigru_asr import BiGRUCTCFeatureExtractor
from hf_bigru_asr.runtime.log_mel import LogMelSettings, log_mel
from hf_bigru_asr.runtime.onnx_builder import GraphBuilder
from hf_bigru_asr.runtime.onnx_features import add_log_mel, add_normalization

RATE_HZ = 16_000
TOLERANCE = 1e-3
"""Of normalised features; the graph computes in float32 throughout."""

NORMALIZING = {name: options for name, options in EXTRACTORS.items() if name != "none"}
"""Without normalisation the graph would not need all of its inputs; `test_onnx_graph.py` has that case."""


def bursts(levels_db: list[float], seed: int, burst_s: float = 2.5) -> np.ndarray:
    """Noise that changes its level and its colour from burst to burst; -200 dB is silence."""
    rng = np.random.default_rng(seed)
    parts = []
    for level_db in levels_db:
        part = rng.normal(0, 0.3 * 10 ** (level_db / 20), round(burst_s * RATE_HZ))
        parts.append(np.convolve(part, rng.uniform(0, 1, 3), "same"))
    return np.concatenate(parts).clip(-1, 1).astype(np.float32)


def features_of_graph(runtime: str, settings: LogMelSettings, waveforms: list[np.ndarray]) -> np.ndarray:
    """`(batch, frames, mels)` of waveforms with zeros as padding."""
    lengths = np.array([settings.num_frames(len(waveform)) for waveform in waveforms])
    padded = np.zeros((len(waveforms), max(map(len, waveforms))), dtype=np.float32)
    for row, waveform in zip(padded, waveforms, strict=True):
        row[: len(waveform)] = waveform
    graph = GraphBuilder()
    waveform = graph.input("waveform", np.float32, ["batch", "samples"])
    count = graph.input("count", np.int64, [1])
    valid = graph.input("valid", bool, ["batch", "frames"])
    positive = graph.input("lengths", np.int64, ["batch"])
    result = add_normalization(graph, add_log_mel(graph, waveform, count, settings), valid, positive, settings)
    graph.outputs.append((result, np.float32, ["batch", settings.feature_size, "frames"]))
    (found,) = run_graph(
        runtime,
        graph.model("features"),
        waveform=padded,
        count=lengths.max(keepdims=True),
        valid=np.arange(lengths.max()) < lengths[:, None],
        lengths=np.maximum(lengths, 1),
    )
    return found.swapaxes(1, 2)


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
@pytest.mark.parametrize("options", NORMALIZING.values(), ids=NORMALIZING)
def test_features_equal_those_of_the_extractor(runtime: str, options: dict[str, Any]) -> None:
    extractor = BiGRUCTCFeatureExtractor(**options)
    pauses = [-200.0, 0, -200, -10, *[-60] * 8, 0, -5]  # 20 s, longer than the window
    waveforms = [bursts(pauses, 0), bursts([0, -20], 1), bursts([0], 2)[:1], bursts([-200, 0], 3)]

    found = features_of_graph(runtime, LogMelSettings.from_dict(extractor.to_dict()), waveforms)

    assert np.isfinite(found).all()
    for row, waveform in zip(found, waveforms, strict=True):
        expected = extractor(waveform, sampling_rate=RATE_HZ, return_tensors="np").input_features[0]
        np.testing.assert_allclose(row[: len(expected)], expected, atol=TOLERANCE, rtol=TOLERANCE)
        assert not row[len(expected) :].any()


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
@pytest.mark.parametrize("normalization", ["speech", "utterance"])
def test_an_utterance_without_samples_is_zero(runtime: str, normalization: str) -> None:
    settings = LogMelSettings.from_dict(SPEECH | {"normalization": normalization})
    found = features_of_graph(runtime, settings, [bursts([0, -200], 0), np.zeros(0, np.float32)])
    assert np.isfinite(found).all()
    assert not found[1].any()


@needs_onnx
def test_the_reference_evaluator_computes_the_same() -> None:
    """A third runtime, which follows the definition of every operator."""
    settings = LogMelSettings.from_dict({**SPEECH, **speech_prior(20), "feature_size": 20, "hop_length": 640})
    waveforms = [bursts([-200, 0, -200, -10, -60, 0], 0, burst_s=0.7), bursts([0, -20], 1, burst_s=0.7)]

    found = features_of_graph("reference", settings, waveforms)

    for row, waveform in zip(found, waveforms, strict=True):
        expected = log_mel(waveform, settings)
        np.testing.assert_allclose(row[: len(expected)], expected, atol=TOLERANCE)
        assert len(np.unique(expected)) > 500
        assert not row[len(expected) :].any()


@pytest.mark.parametrize("runtime", RUNTIME_CASES)
def test_sums_do_not_cancel_in_long_silence(runtime: str) -> None:
    """The mean of every bin lies near that of silence, far from the half second of speech."""
    settings = LogMelSettings.from_dict({**SPEECH, "hop_length": 640})
    waveform = np.concatenate([np.zeros(60 * RATE_HZ, np.float32), bursts([0, -30, 0], 4, burst_s=0.2)])
    found = features_of_graph(runtime, settings, [waveform])[0]
    np.testing.assert_allclose(found, log_mel(waveform, settings), atol=TOLERANCE)

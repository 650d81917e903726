"""The recogniser with the compiled network."""

from pathlib import Path

import numpy as np
import pytest

from hf_bigru_asr.audio import load_audio
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
SPEECH = load_audio(SAMPLES / "easy.flac")


@pytest.fixture(scope="module", params=[1, 3], ids=["one grid", "three grids"])
def both(request: pytest.FixtureRequest) -> tuple[OnnxRecognizer, OnnxRecognizer]:
    exact, native = (
        OnnxRecognizer(num_threads=1, num_offsets=request.param, runtime=runtime) for runtime in ("onnx", "native")
    )
    return exact, native


def test_probabilities_hardly_differ(both: tuple[OnnxRecognizer, OnnxRecognizer]) -> None:
    exact, native = both
    (expected,), (found,) = exact.log_probs([SPEECH]), native.log_probs([SPEECH])
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    assert np.exp(found).sum(1) == pytest.approx(1.0, abs=1e-4)
    difference = np.abs(np.exp(found) - np.exp(expected))
    assert 1e-5 < difference.max() < 0.2
    assert difference.mean() < 1e-3
    assert native.transcribe(SAMPLES / "easy.flac") == exact.transcribe(SAMPLES / "easy.flac")


def test_an_utterance_is_the_same_alone_and_in_a_batch(both: tuple[OnnxRecognizer, OnnxRecognizer]) -> None:
    _, native = both
    waveforms = [SPEECH, SPEECH[:30_000], SPEECH[10_000:60_000], np.zeros(8000, np.float32)]
    for one, waveform in zip(native.log_probs(waveforms), waveforms, strict=True):
        assert (one == native.log_probs([waveform])[0]).all()


def test_a_long_recording_is_that_of_one_pass(both: tuple[OnnxRecognizer, OnnxRecognizer]) -> None:
    _, native = both
    silence = np.zeros(10 * 16_000, np.float32)
    waveform = np.concatenate([SPEECH, silence, *13 * [SPEECH[::-1], SPEECH]])  # three minutes, not in segments
    (expected,) = native.log_probs([waveform])
    native.long_s = 1.0
    try:
        found = np.concatenate(list(native.log_probs_of_blocks([waveform[:100_000], waveform[100_000:]])))
    finally:
        native.long_s = 120.0
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-4)

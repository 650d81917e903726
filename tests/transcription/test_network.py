"""The one loop from audio to log-probabilities, against the model on the whole of each recording."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from runtime_support import RUNTIME_CASES

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC, OnnxBiGRUForCTC, OpenVINOBiGRUForCTC
from hf_bigru_asr.transcription import network as network_module
from hf_bigru_asr.transcription.network import Network

RATE_HZ = 16_000
CLASSES = {"onnx": OnnxBiGRUForCTC, "openvino": OpenVINOBiGRUForCTC}


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise in 16-bit steps, so that no file format changes it."""
    return (np.random.default_rng(seed).integers(-8000, 8000, int(seconds * RATE_HZ)) / 32768).astype(np.float32)


def encoded(waveform: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, waveform, RATE_HZ, format="FLAC", subtype="PCM_16")
    return file.getvalue()


@pytest.mark.parametrize("num_offsets", [1, 2])
@pytest.mark.parametrize("backend", ["torch", *RUNTIME_CASES])
def test_recordings_of_any_length_in_any_form(
    backend: str, num_offsets: int, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, tmp_path: Path
) -> None:
    processor.feature_extractor.set_num_offsets(num_offsets)
    waveforms = [noise(0.3), noise(2.5, 1), noise(1.0, 2), noise(0.02, 3), noise(1.1, 4), noise(3.0, 5)]
    (tmp_path / "file.flac").write_bytes(encoded(waveforms[5]))
    sources = [waveforms[0], encoded(waveforms[1]), encoded(waveforms[2]), waveforms[3], waveforms[4]]
    sources += [tmp_path / "file.flac", b"no audio", noise(0.0), tmp_path / "missing.flac"]
    model = tiny_model if backend == "torch" else CLASSES[backend].from_model(tiny_model, num_threads=1)
    network = Network(model, processor.feature_extractor, long_s=1.0)

    recordings = [network.read(source) for source in sources]
    found = network.run(recordings)

    assert [recording.is_long for recording in recordings] == [False, True, False, False, True, True] + 3 * [False]
    for each, waveform in zip(found[:6], waveforms, strict=True):
        assert each.duration_s == pytest.approx(len(waveform) / RATE_HZ)
        with torch.inference_mode():
            expected = tiny_model(**processor(audio=waveform, sampling_rate=RATE_HZ)).logits[0]
        torch.testing.assert_close(each.checked(), expected, atol=1e-4, rtol=0)
    for each, message in zip(found[6:], ["no audio file", "no samples|is empty", r"missing\.flac"], strict=True):
        assert each.duration_s == 0
        with pytest.raises((ValueError, OSError), match=message):
            each.checked()


def test_no_more_of_a_long_recording_is_read_than_tells_so(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    num_read = 0

    def blocks(*_: Any, **__: Any) -> Iterator[np.ndarray]:
        nonlocal num_read
        for _block in range(10):
            num_read += 1
            yield noise(1.0)

    monkeypatch.setattr(network_module, "iterate_audio", blocks)
    recording = Network(tiny_model, processor.feature_extractor, long_s=2.5).read("long.wav")
    assert (recording.is_long, recording.duration_s, num_read) == (True, 2.5, 3)


def test_damage_far_behind_the_beginning(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_bigru_asr.audio.sound_files._BLOCK_FRAMES", 1_000)
    network = Network(tiny_model, processor.feature_extractor, long_s=0.2)
    recordings = [network.read(source) for source in (noise(0.1), encoded(noise(5.0))[:100_000], noise(0.3))]
    assert [recording.is_long for recording in recordings] == [False, True, True]
    assert [each.error is None for each in network.run(recordings)] == [True, False, True]


def test_the_limit_of_the_module_holds_where_none_is_given(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Network(tiny_model, processor.feature_extractor).long_s == 120.0
    monkeypatch.setattr(network_module, "LONG_S", 7.0)
    assert Network(tiny_model, processor.feature_extractor).long_s == 7.0
    with pytest.raises(ValueError, match="long_s is -1; it must be positive"):
        Network(tiny_model, processor.feature_extractor, long_s=-1)

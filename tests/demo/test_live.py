import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from repository import REPOSITORY
from runtime_support import needs_onnx

from hf_bigru_asr.demo import live
from hf_bigru_asr.demo.live import LiveRecording
from hf_bigru_asr.runtime import OnnxRecognizer

pytestmark = needs_onnx
EASY = REPOSITORY / "tests" / "data" / "samples" / "easy.flac"
SAMPLES, RATE_HZ = soundfile.read(EASY, dtype="int16")


@pytest.fixture(scope="module")
def recognizer() -> OnnxRecognizer:
    return OnnxRecognizer(num_threads=1)


def loud(window: np.ndarray) -> float:
    return float(np.abs(window).max() > 0.02)


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_words_come_before_the_end(recognizer: OnnxRecognizer, tmp_path: Path) -> None:
    recording = LiveRecording(recognizer, loud, tmp_path / "x.wav", RATE_HZ)
    for first in range(0, len(SAMPLES), 8000):
        recording.add(SAMPLES[first : first + 8000])
    wait_for(lambda: "ATTENTION" in recording.text)
    assert recording.close() == tmp_path / "x.wav"
    written, rate = soundfile.read(tmp_path / "x.wav", dtype="int16")
    assert rate == RATE_HZ
    np.testing.assert_array_equal(written, SAMPLES)
    wait_for(lambda: recording.text.endswith("TO HER"))


def test_channels_are_averaged_and_without_a_detector_there_are_no_words_yet(
    recognizer: OnnxRecognizer, tmp_path: Path
) -> None:
    recording = LiveRecording(recognizer, None, tmp_path / "x.wav", 48_000)
    recording.add(np.array([[100, 300], [-100, -300]], dtype=np.int16))
    recording.close()
    assert recording.text == ""
    assert soundfile.read(tmp_path / "x.wav", dtype="int16")[0].tolist() == [200, -200]


def test_a_recording_has_a_longest_length(
    recognizer: OnnxRecognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_LIVE_S", 1.0)
    recording = LiveRecording(recognizer, None, tmp_path / "x.wav", 16_000)
    for _ in range(5):
        recording.add(np.zeros(8000, dtype=np.int16))
    recording.close()
    assert recording.is_full
    assert soundfile.info(tmp_path / "x.wav").frames == 16_000

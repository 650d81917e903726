import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from repository import REPOSITORY
from runtime_support import needs_onnx

from hf_bigru_asr.audio.findings import AudioError
from hf_bigru_asr.demo.recognition import DemoRecognizer, Progress, Stopped, Transcription
from hf_bigru_asr.model import compiled_search_bigru_ctc
from hf_bigru_asr.runtime import OnnxRecognizer

pytestmark = needs_onnx
EASY = REPOSITORY / "tests" / "data" / "samples" / "easy.flac"


@pytest.fixture(scope="module")
def shared() -> DemoRecognizer:
    return DemoRecognizer(language_model="none", num_threads=1)


def test_greedily_it_finds_what_the_recogniser_finds(shared: DemoRecognizer, tmp_path: Path) -> None:
    steps = list(shared.transcribe(EASY, tmp_path / "x.wav"))
    result = steps[-1]
    assert isinstance(result, Transcription)
    assert result.best == OnnxRecognizer(num_threads=1).recognize(EASY)[0]
    assert not result.has_language_model
    written, rate = soundfile.read(tmp_path / "x.wav")
    expected, _ = soundfile.read(EASY)
    assert rate == 16_000
    np.testing.assert_allclose(written, expected, atol=1e-4)
    assert result.duration_s == len(expected) / rate
    assert all(isinstance(step, Progress) for step in steps[:-1])


def test_a_long_recording_goes_through_in_pieces_with_the_same_text(tmp_path: Path) -> None:
    shared = DemoRecognizer(language_model="none", num_threads=1)
    whole = list(shared.transcribe(EASY, tmp_path / "x.wav"))[-1]
    shared.recognizer.long_s = 2.0
    steps = list(shared.transcribe(EASY, tmp_path / "y.wav"))
    assert steps[-1].best.text == whole.best.text
    assert any(isinstance(step, Progress) and step.stage == "network" for step in steps)


def test_it_stops(shared: DemoRecognizer, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        list(shared.transcribe(EASY, tmp_path / "x.wav", stop=stop))


class SetLater(threading.Event):
    """Is set when it has been asked a hundred times; before the search it is asked less often."""

    num_asked = 0

    def is_set(self) -> bool:
        self.num_asked += 1
        return super().is_set() or self.num_asked > 100


def test_it_stops_within_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_search_bigru_ctc, "STEP_FRAMES", 1)
    with pytest.raises(Stopped):
        list(DemoRecognizer(num_threads=1).transcribe(EASY, tmp_path / "x.wav", stop=SetLater()))


def test_what_is_no_recording_is_refused(shared: DemoRecognizer, tmp_path: Path) -> None:
    path = tmp_path / "garbage.bin"
    path.write_bytes(np.random.default_rng(0).bytes(2000))
    with pytest.raises(AudioError):
        list(shared.transcribe(path, tmp_path / "x.wav"))


def test_damage_is_told_without_the_path_of_the_upload(shared: DemoRecognizer, tmp_path: Path) -> None:
    path = tmp_path / "cut.flac"
    path.write_bytes(EASY.read_bytes()[:60_000])
    result = list(shared.transcribe(path, tmp_path / "x.wav"))[-1]
    assert isinstance(result, Transcription)
    (warning,) = result.warnings
    assert warning.startswith("The recording is a broken or truncated FLAC file")
    assert str(tmp_path) not in warning


def test_hotwords_need_the_language_model(shared: DemoRecognizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="switch it on"):
        list(shared.transcribe(EASY, tmp_path / "x.wav", hotwords=["Queequeg"]))

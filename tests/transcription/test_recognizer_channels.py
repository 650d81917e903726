"""Channels, damaged recordings and pipes in one run of the recogniser."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tone_speech import speak
from transformers import AutomaticSpeechRecognitionPipeline

from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe

RATE_HZ = 16_000


@pytest.fixture
def recognizer(listener_dir: Path) -> AutomaticSpeechRecognitionPipeline:
    return load_recognizer(listener_dir, device="cpu")


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """A call: one channel speaks, and the other."""
    first, second = speak("HELLO")[0], speak("THANK YOU")[0]
    length = max(len(first), len(second))
    planes = [np.pad(each, (0, length - len(each))) for each in (first, second)]
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack(planes, axis=1), RATE_HZ)
    return path


@pytest.mark.parametrize("long_s", [120.0, 0.3])
def test_each_channel_is_what_it_is_alone(
    recognizer: AutomaticSpeechRecognitionPipeline, call: Path, long_s: float
) -> None:
    alone = [next(transcribe(recognizer, [call], channels=number)) for number in range(2)]
    missing = call.with_name("missing.wav")

    found = list(transcribe(recognizer, [call, missing, call], channels="split", long_s=long_s, num_workers=2))

    assert [each.error is None for each in found] == [True, False, True]
    assert found[0] == found[2]
    assert [each.text for each in found[0].channels or ()] == [each.text for each in alone]
    assert alone[0].text != alone[1].text
    assert {turn.channel for turn in found[0].turns or ()} == {0, 1}
    assert found[0].duration_s == alone[0].duration_s


def test_there_is_no_such_channel(recognizer: AutomaticSpeechRecognitionPipeline, call: Path) -> None:
    (found,) = transcribe(recognizer, [call], channels=2)
    assert "has 2 channels, and channels is 2" in (found.error or "")
    with pytest.raises(ValueError, match="channels is 'both'"):
        transcribe(recognizer, [call], channels="both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="channels is 'split'; the pipeline's own chunks"):
        transcribe(recognizer, [call], channels="split", chunk_length_s=5)


@pytest.mark.parametrize("options", [{}, {"long_s": 0.3}, {"chunk_length_s": 5}], ids=str)
def test_what_is_left_of_a_damaged_recording(
    recognizer: AutomaticSpeechRecognitionPipeline, call: Path, options: dict[str, float]
) -> None:
    cut = call.with_name("cut.wav")
    cut.write_bytes(call.read_bytes()[:-4_000])

    (refused,) = transcribe(recognizer, [cut], **options)  # type: ignore[arg-type]
    (found,) = transcribe(recognizer, [cut], on_damage="warn", **options)  # type: ignore[arg-type]

    assert "is truncated" in (refused.error or "")
    assert found.text
    assert found.duration_s == pytest.approx(soundfile.info(call).duration - 1_000 / RATE_HZ)
    (warning,) = found.warnings
    assert f"{found.duration_s:.2f} s of it could be read and are used" in warning


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("channels", ["mix", "split"])
@pytest.mark.parametrize("long_s", [120.0, 0.3])
def test_a_pipe_of_any_length(
    recognizer: AutomaticSpeechRecognitionPipeline, call: Path, channels: str, long_s: float
) -> None:
    expected = next(transcribe(recognizer, [call], channels=channels))  # type: ignore[arg-type]
    pipe = call.with_name("pipe")
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[call.read_bytes()])
    writer.start()
    (found,) = transcribe(recognizer, [pipe], channels=channels, long_s=long_s)  # type: ignore[arg-type]
    writer.join()
    assert found.error is None
    assert (found.text, found.duration_s) == (expected.text, expected.duration_s)

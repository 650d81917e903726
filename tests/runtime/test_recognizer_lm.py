"""Recognition with a language model without torch, against the pipeline with torch."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from repository import SAMPLE
from runtime_support import needs_onnx, real_waveforms
from small_language_model import write_language_model
from tone_speech import RATE_HZ, speak

from hf_bigru_asr.model.decoding_bigru_ctc import Hypothesis
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer
from hf_bigru_asr.transcription.recognizer import load_recognizer

pytestmark = needs_onnx


def check_against_pipeline(found: list[Hypothesis], expected: dict[str, Any], frame_s: float) -> None:
    """Same text and, within a frame, the same times; confidences of the same network but for its arithmetic."""
    (best,) = found
    assert best.text == expected["text"]
    assert [word.text for word in best.words] == best.text.split()
    for word, chunk in zip(best.words, expected["chunks"], strict=True):
        assert (word.start_s, word.end_s) == pytest.approx(chunk["timestamp"], abs=1.01 * frame_s)
        assert word.confidence == pytest.approx(chunk["confidence"], abs=0.01)


def test_the_sample_has_the_words_of_the_pipeline() -> None:
    recognizer = OnnxRecognizer(num_threads=1, language_model="own")
    expected = load_recognizer(language_model="own", device="cpu")(str(SAMPLE), return_timestamps="word")

    found = recognizer.recognize(SAMPLE)

    assert recognizer.feature_settings.num_offsets == 3  # as the language model was tuned
    assert len(found[0].words) > 15
    check_against_pipeline(found, expected, recognizer.decoder.frame_s)


def test_real_speech_has_the_words_of_the_pipeline(librispeech_dir: Path) -> None:
    recognizer = OnnxRecognizer(num_threads=1, language_model="own")
    pipeline = load_recognizer(language_model="own", device="cpu")
    for waveform in real_waveforms(librispeech_dir, 40, step=13):
        expected = pipeline({"raw": waveform, "sampling_rate": RATE_HZ}, return_timestamps="word")
        check_against_pipeline(recognizer.recognize(waveform), expected, recognizer.decoder.frame_s)


def test_hotwords_and_several_hypotheses_where_torch_cannot_be_imported(
    run_in_child: Callable[..., str], listener_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "listener"
    shutil.copytree(listener_dir, folder)
    write_language_model(folder / "language_model")
    soundfile.write(tmp_path / "speech.wav", speak("NO YOU IT")[0], RATE_HZ, subtype="FLOAT")
    code = """
import sys
for name in ("torch", "torchaudio", "transformers", "huggingface_hub"):
    sys.modules[name] = None
from hf_bigru_asr.runtime import OnnxRecognizer
recognizer = OnnxRecognizer(sys.argv[1], language_model="own", decoding={"nbest": 2}, hotwords=["it"], num_threads=1)
found = recognizer.recognize(sys.argv[2])
print(len(found), found[0].score > found[1].score, *((word.text, round(word.start_s, 1)) for word in found[0].words))
print(recognizer.transcribe(sys.argv[2]))
"""

    printed = run_in_child(code, folder, tmp_path / "speech.wav").splitlines()

    starts = [span[1] for span in speak("NO YOU IT")[1] if span[0] in "NYI"]
    assert printed[0] == "2 True " + " ".join(
        str((word, round(s + 0.02, 1))) for word, s in zip(["NO", "YOU", "IT"], starts, strict=True)
    )
    assert printed[1] == "NO YOU IT"


def test_samples_are_taken_at_the_rate_of_the_model(listener_dir: Path) -> None:
    recognizer = OnnxRecognizer(listener_dir, num_threads=1)

    (spoken,) = recognizer.recognize(speak("HELLO YOU")[0])

    assert (spoken.text, [word.text for word in spoken.words]) == ("HELLO YOU", ["HELLO", "YOU"])
    assert recognizer.hypotheses_of(recognizer.log_probs([speak("HELLO YOU")[0]])[0]) == [spoken]

"""Recognition by the pipeline: the same words as without torch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from repository import SAMPLE

from hf_bigru_asr.audio.loading import load_audio
from hf_bigru_asr.cli.inputs import Input
from hf_bigru_asr.cli.light_recognition import load_light_recognition
from hf_bigru_asr.cli.recognition import RecognitionOptions
from hf_bigru_asr.cli.torch_recognition import TorchRecognition, load_torch_recognition

OPTIONS = RecognitionOptions(language_model="none", runtime="torch")


@pytest.fixture(scope="module")
def torch_recognition() -> TorchRecognition:
    return load_torch_recognition(OPTIONS)


def test_words_are_those_without_torch(torch_recognition: TorchRecognition, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    recordings = [Input(str(SAMPLE), Path("a")), Input(str(tmp_path / "broken.wav"), Path("b"))]
    found, broken = torch_recognition(recordings, lambda: None)
    light = load_light_recognition(replace(OPTIONS, runtime="onnx", num_threads=1))
    expected, also_broken = light(recordings, lambda: None)
    assert found.text == expected.text
    assert found.duration_s == expected.duration_s
    assert [word.start_s for word in found.words] == pytest.approx([word.start_s for word in expected.words])
    assert [word.confidence for word in found.words] == pytest.approx(
        [word.confidence for word in expected.words], abs=1e-3
    )
    assert broken.error == also_broken.error
    assert torch_recognition.describe().startswith("model bundled, no language model, torch 2.")


def test_channels_are_kept_apart(torch_recognition: TorchRecognition, tmp_path: Path) -> None:
    speech = load_audio(SAMPLE)[:30_000]
    soundfile.write(tmp_path / "two.wav", np.stack([np.zeros_like(speech), speech], axis=1), 16_000)
    split = TorchRecognition(
        torch_recognition._recognizer, replace(OPTIONS, channels="split"), torch_recognition._facts
    )
    (transcript,) = split([Input(str(tmp_path / "two.wav"), Path("two"))], lambda: None)
    assert transcript.channels == (0, 1)
    assert {word.channel for word in transcript.words} == {1}


def test_a_folder_without_weights_is_told_before_transformers_tries(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"has no model.safetensors; give the folder of a model$"):
        load_torch_recognition(replace(OPTIONS, model=str(tmp_path)))

"""The trained model that ships with the package."""

from pathlib import Path

import pytest

from hf_bigru_asr import BiGRUForCTC, bundled, bundled_checkpoint
from hf_bigru_asr.metrics import character_error_counts
from hf_bigru_asr.text import normalize_transcript
from hf_bigru_asr.transcription import load_recognizer, transcribe

SAMPLE = Path(__file__).parent / "data" / "speech_sample.flac"


def test_only_safetensors_json_and_the_card() -> None:
    assert {path.suffix for path in bundled_checkpoint().iterdir()} == {".json", ".md", ".safetensors"}


def test_it_is_the_default_network() -> None:
    assert BiGRUForCTC.from_pretrained(bundled_checkpoint()).num_parameters() == 2_973_213


def test_it_transcribes_the_sample() -> None:
    (transcript,) = transcribe(load_recognizer(device="cpu"), [SAMPLE])

    reference = normalize_transcript(SAMPLE.with_suffix(".txt").read_text(encoding="utf-8"))
    assert character_error_counts([reference], [transcript.text or ""]).error_rate < 0.4


def test_an_installation_without_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundled, "CHECKPOINT_DIR", tmp_path)

    with pytest.raises(FileNotFoundError, match="installation of hf_bigru_asr is incomplete"):
        bundled_checkpoint()

"""The trained model that ships with the package."""

import json
import socket
from pathlib import Path

import pytest
import soundfile
from huggingface_hub import constants
from repository import SAMPLE
from transformers import AutomaticSpeechRecognitionPipeline

from hf_bigru_asr import (
    BiGRUCTCConfig,
    BiGRUCTCFeatureExtractor,
    BiGRUCTCProcessor,
    BiGRUCTCTokenizer,
    BiGRUForCTC,
    BiGRUModel,
    OnnxBiGRUForCTC,
    bundled,
    bundled_checkpoint,
)
from hf_bigru_asr.metrics import character_error_counts, word_error_counts
from hf_bigru_asr.model.language_model_files_bigru_ctc import LANGUAGE_MODEL_FILES
from hf_bigru_asr.text.normalization import normalize_transcript
from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe


@pytest.fixture(scope="module")
def greedy() -> AutomaticSpeechRecognitionPipeline:
    return load_recognizer(device="cpu")


@pytest.fixture(scope="module")
def beam_search() -> AutomaticSpeechRecognitionPipeline:
    return load_recognizer(device="cpu", language_model="own")


def test_nothing_in_it_unpickles() -> None:
    files = [path for path in bundled_checkpoint().rglob("*") if path.is_file()]
    language_model = bundled_checkpoint() / "language_model"
    assert {path.suffix for path in files if path.parent != language_model} == {".json", ".md", ".safetensors"}
    assert {path.name for path in files if path.parent == language_model} == set(LANGUAGE_MODEL_FILES)


def test_its_language_model_is_small() -> None:
    record = json.loads((bundled_checkpoint() / "language_model" / "language_model.json").read_text())
    sizes = [(bundled_checkpoint() / "language_model" / name).stat().st_size for name in ("lm.binary", "lexicon.txt")]
    assert record["num_bytes"] == sum(sizes) < 15_000_000


def test_its_language_model_corrects_errors(
    greedy: AutomaticSpeechRecognitionPipeline, beam_search: AutomaticSpeechRecognitionPipeline
) -> None:
    samples = [SAMPLE, SAMPLE.with_name("hard.flac")]
    references = [normalize_transcript(each.with_suffix(".txt").read_text(encoding="utf-8")) for each in samples]
    rates = []
    for recognizer in (greedy, beam_search):
        transcripts = list(transcribe(recognizer, samples, return_timestamps="word"))
        rates.append(word_error_counts(references, [each.text or "" for each in transcripts]).error_rate)
        assert all(0 < chunk["confidence"] < 1 for each in transcripts for chunk in each.chunks or ())
    assert rates[1] < 0.8 * rates[0]


def test_a_hotword_corrects_a_name_that_was_wrong(
    beam_search: AutomaticSpeechRecognitionPipeline, tmp_path: Path
) -> None:
    pytest.importorskip("hibari")
    from recipe.synthesis import load_voice

    voice = load_voice("hibari:heart")
    speech = voice("we saw mister barberini walking in the garden", 1.0, 0)
    soundfile.write(tmp_path / "garden.wav", 0.5 * speech / abs(speech).max(), voice.sampling_rate)
    texts = []
    expecting = load_recognizer(device="cpu", language_model="own", decoding={"hotwords": ["BARBERINI"]})
    for recognizer in (beam_search, expecting):
        (transcript,) = transcribe(recognizer, [tmp_path / "garden.wav"])
        texts.append((transcript.text or "").split())
    assert "BARBERINI" not in texts[0]
    assert "BARBERINI" in texts[1]


def test_it_is_the_default_network() -> None:
    assert BiGRUForCTC.from_pretrained(bundled_checkpoint()).num_parameters() == 2_973_213


def test_it_transcribes_the_sample(greedy: AutomaticSpeechRecognitionPipeline) -> None:
    (transcript,) = transcribe(greedy, [SAMPLE])

    reference = normalize_transcript(SAMPLE.with_suffix(".txt").read_text(encoding="utf-8"))
    assert character_error_counts([reference], [transcript.text or ""]).error_rate < 0.4


def test_an_installation_without_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundled, "CHECKPOINT_DIR", tmp_path)

    with pytest.raises(FileNotFoundError, match="installation of hf_bigru_asr is incomplete"):
        bundled_checkpoint()


@pytest.mark.parametrize(
    "loadable",
    [
        BiGRUCTCConfig,
        BiGRUCTCFeatureExtractor,
        BiGRUCTCProcessor,
        BiGRUCTCTokenizer,
        BiGRUForCTC,
        BiGRUModel,
        OnnxBiGRUForCTC,
    ],
)
def test_every_class_knows_its_name_and_asks_nobody(loadable: type, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"somebody connects to {arguments}")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert type(loadable.from_pretrained("bundled")).__name__ == loadable.__name__
    loaded = BiGRUCTCProcessor.from_pretrained(pretrained_model_name_or_path="bundled")
    assert loaded.language_model == bundled_checkpoint() / "language_model"
    assert loaded.confidence_file == bundled_checkpoint() / "confidence.json"

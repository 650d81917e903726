"""An evaluation, from encoded audio to text, against `transcribe`."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from repository import SAMPLE
from runtime_support import RUNTIME_CASES
from small_language_model import write_language_model
from tone_speech import speak

from hf_bigru_asr import BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.evaluation.evaluating import evaluate_utterances
from hf_bigru_asr.evaluation.summary import summarize
from hf_bigru_asr.transcription.recognizer import load_recognizer, transcribe

SAMPLING_RATE = 16_000


def encoded(seconds: float) -> dict[str, bytes | None]:
    rng = np.random.default_rng(int(seconds * 1000))
    file = io.BytesIO()
    soundfile.write(file, 0.1 * rng.standard_normal(int(seconds * SAMPLING_RATE)), SAMPLING_RATE, format="FLAC")
    return {"bytes": file.getvalue(), "path": None}


@pytest.fixture
def examples() -> list[dict]:
    return [
        {"id": "a", "audio": encoded(0.4), "text": "HELLO", "speaker_id": 1},
        {
            "id": "broken",
            "audio": {"bytes": SAMPLE.read_bytes()[:9000], "path": None},
            "text": "HELLO",
            "speaker_id": 1,
        },
        {"id": "b", "audio": encoded(1.1), "text": "hello there, twice", "speaker_id": 2},
        {"id": "c", "audio": encoded(0.7), "text": "A", "speaker_id": 2},
    ]


def test_batch_size_does_not_change_the_text(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, examples: list[dict]
) -> None:
    texts = [
        [result.hypothesis for result in evaluate_utterances(tiny_model, processor, examples, batch_size=size)]
        for size in (1, 2, 4)
    ]

    texts.append(
        [
            result.hypothesis
            for result in evaluate_utterances(tiny_model, processor, examples, batch_size=3, num_workers=2)
        ]
    )
    assert texts[0] == texts[1] == texts[2] == texts[3]
    assert any(texts[0])


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize("name", ["batch_size", "num_workers"])
def test_impossible_numbers_are_refused_at_once(
    name: str, number: int, tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor
) -> None:
    with pytest.raises(ValueError, match=f"{name} is {number}; it must be at least 1"):
        evaluate_utterances(tiny_model, processor, [], **{name: number})


def test_a_broken_utterance_is_named_and_counted(
    tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, examples: list[dict]
) -> None:
    results = list(evaluate_utterances(tiny_model, processor, examples, batch_size=3))

    assert [result.id for result in results] == ["a", "broken", "b", "c"]
    assert [result.error is None for result in results] == [True, False, True, True]
    assert str(results[1].error).endswith("; record or download it again")
    assert results[2].reference == "HELLO THERE TWICE"
    summary = summarize(results)
    assert (summary["num_utterances"], summary["num_failed"]) == (3, 1)
    assert summary["hours"] == pytest.approx(2.2 / 3600)


def test_empty_cells_are_named(tiny_model: BiGRUForCTC, processor: BiGRUCTCProcessor, examples: list[dict]) -> None:
    rows = [
        examples[0],
        examples[0] | {"id": "no-audio", "audio": None},
        examples[0] | {"id": "no-bytes", "audio": {"bytes": None, "path": None}},
        examples[0] | {"id": "no-text", "text": None},
    ]
    errors = {result.id: result.error for result in evaluate_utterances(tiny_model, processor, rows, batch_size=4)}
    assert errors["a"] is None
    assert "The audio column holds a NoneType" in str(errors["no-audio"])
    assert "The audio column holds a NoneType" in str(errors["no-bytes"])
    assert "The text column holds a NoneType" in str(errors["no-text"])


def spoken(texts: list[str], tmp_path: Path) -> list[Path]:
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], speak(text, seed=number)[0], SAMPLING_RATE, subtype="FLOAT")
    return paths


@pytest.mark.parametrize("language_model", [False, True], ids=["greedy", "beam search"])
@pytest.mark.parametrize("runtime", ["torch", *RUNTIME_CASES])
def test_long_recordings_have_the_hypotheses_of_transcribe(
    runtime: str, language_model: bool, listener_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["IT NO", "I NO IT A YOU NO", "A", "YOU A IT NO I IT NO YOU NO IT I NO", "NO YOU"]
    paths = spoken(texts, tmp_path)
    lm = write_language_model(tmp_path / "lm") if language_model else None
    recognizer = load_recognizer(listener_dir, language_model=lm, runtime=runtime, device="cpu")
    monkeypatch.setattr("hf_bigru_asr.runtime.parts.MAX_PART_S", 3.0)
    expected = list(transcribe(recognizer, paths, long_s=2.0))
    assert [each.text for each in expected] == texts

    monkeypatch.setattr("hf_bigru_asr.transcription.network.LONG_S", 2.0)
    model, lengths = recognizer.model, []
    forward = type(model).forward

    def watched(self: object, input_features: torch.Tensor, **inputs: object) -> object:
        lengths.append(input_features.shape[1])
        return forward(self, input_features, **inputs)

    monkeypatch.setattr(type(model), "forward", watched)
    monkeypatch.setattr(type(model), "__call__", watched)
    processor = recognizer.processor
    rows = [{"id": path.name, "audio": str(path), "text": text} for path, text in zip(paths, texts, strict=True)]
    rows.insert(1, rows[0] | {"audio": str(tmp_path / "missing.wav")})
    decoder = processor.beam_search_decoder(lm) if language_model else None
    for batch_size in (1, 4):
        results = list(evaluate_utterances(model, processor, rows, batch_size=batch_size, decoder=decoder))
        assert "missing.wav" in str(results.pop(1).error)
        assert [each.hypothesis for each in results] == texts
        assert [each.duration_s for each in results] == pytest.approx([each.duration_s for each in expected])
    assert 0 < max(lengths) <= 2.0 / processor.frame_s

"""A model as it is evaluated: what it is loaded with, what it says of itself, and its results in processes."""

import json
import shutil
from pathlib import Path

import pytest
import soundfile
from inline_workers import InlinePool
from runtime_support import needs_onnx
from small_language_model import write_language_model
from tone_speech import RATE_HZ, speak

from hf_bigru_asr.evaluation.evaluated_model import EvaluatedModel, write_evaluation
from hf_bigru_asr.evaluation.evaluating import UtteranceResult
from hf_bigru_asr.model.beam_search_bigru_ctc import BeamSearchDecoder
from hf_bigru_asr.runtime import decoding_pool

TEXTS = ["IT NO", "YOU", "NO A I"]


@pytest.fixture
def model_dir(listener_dir: Path, tmp_path: Path) -> Path:
    folder = shutil.copytree(listener_dir, tmp_path / "model")
    lm = write_language_model(folder / "language_model")
    (lm / "decoding.json").write_text('{"lm_weight": 0.5, "beam_size": 30, "num_offsets": 2}')
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, str]]:
    for number, text in enumerate(TEXTS):
        soundfile.write(tmp_path / f"{number}.wav", speak(text)[0], RATE_HZ, subtype="FLOAT")
    return [{"audio": str(tmp_path / f"{number}.wav"), "text": text} for number, text in enumerate(TEXTS)]


@needs_onnx
def test_greedy_on_another_backend(model_dir: Path, rows: list[dict[str, str]]) -> None:
    evaluated = EvaluatedModel.load(model_dir, runtime="onnx", num_threads=1)
    assert [result.hypothesis for result in evaluated.recognize(rows, batch_size=2)] == TEXTS
    assert evaluated.describe() == {
        "decoding": {"method": "greedy"},
        "num_offsets": 1,
        "runtime": {"name": "onnx", "dtype": "float32", "num_threads": 1},
    }


@pytest.mark.parametrize(("num_offsets", "expected"), [(None, 2), (1, 1)])
def test_beam_search_in_processes(
    num_offsets: int | None,
    expected: int,
    model_dir: Path,
    rows: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluated = EvaluatedModel.load(
        model_dir, language_model="own", decoding={"nbest": 2}, num_offsets=num_offsets, device="cpu"
    )
    alone = [result.hypothesis for result in evaluated.recognize(rows)]
    used: list[int] = []
    monkeypatch.setattr(decoding_pool, "WorkerPool", lambda number: used.append(number) or InlinePool(number))
    # Here the parent must not decode itself.
    monkeypatch.setattr(decoding_pool, "decode_recording", None)
    assert [result.hypothesis for result in evaluated.recognize(rows, num_workers=3)] == alone == TEXTS
    assert used == [3]
    description = json.loads(json.dumps(evaluated.describe()))
    assert description["num_offsets"] == expected
    assert isinstance(evaluated.decoder, BeamSearchDecoder)
    decoding = description["decoding"]
    assert (decoding["method"], decoding["language_model"], decoding["nbest"]) == ("beam search", "own", 2)
    assert "num_offsets" not in decoding


def test_what_is_refused(model_dir: Path, rows: list[dict[str, str]]) -> None:
    with pytest.raises(ValueError, match="decoding has nbest, which belong to beam search; give language_model= too"):
        EvaluatedModel.load(model_dir, decoding={"nbest": 2})
    with pytest.raises(ValueError, match="device is 'gpu'"):
        EvaluatedModel.load(model_dir, device="gpu")
    evaluated = EvaluatedModel.load(model_dir, device="cpu")
    with pytest.raises(ValueError, match="batch_size is 0"):
        evaluated.recognize(rows, batch_size=0)


def test_files_of_an_evaluation(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "new" / "folder", {"model": "bundled"}, [UtteranceResult("a", "IT NO", "IT")])
    assert json.loads((tmp_path / "new" / "folder" / "evaluation.json").read_text()) == {"model": "bundled"}
    assert "a: 1 errors in 2 words" in (tmp_path / "new" / "folder" / "utterances.txt").read_text()

import json
import math
from pathlib import Path

import pytest

from hf_bigru_asr.alignment import CharacterSpan
from hf_bigru_asr.confidence import ConfidenceModel, word_features


def spans(scores: list[float]) -> list[CharacterSpan]:
    return [CharacterSpan("A", 0.0, 0.0, score) for score in scores]


def test_properties_of_a_word() -> None:
    features = word_features(spans([0.5, 0.25]), spans([0.9, 0.1]), posterior=0.3)
    logs = [(math.log(0.5) + math.log(0.25)) / 2, math.log(0.25), math.log(0.1), math.log(2), math.log(0.3)]
    assert features == pytest.approx(logs)
    assert word_features(spans([1.0])) == pytest.approx([0, 0, 0, 0, 0])
    assert all(map(math.isfinite, word_features(spans([0.0]), posterior=0.0)))


def test_a_model_is_kept_in_a_folder(tmp_path: Path) -> None:
    assert ConfidenceModel.from_folder(tmp_path) is None
    assert ConfidenceModel.from_folder(None) is None
    model = ConfidenceModel((1.0, 2.0, 3.0, 4.0, 5.0), -1.0)
    path = model.save(tmp_path, split="validation")
    assert ConfidenceModel.from_folder(tmp_path) == model
    assert json.loads(path.read_text())["split"] == "validation"
    with pytest.raises(ValueError, match="There are 2 weights; give one for each of mean_log"):
        ConfidenceModel((1.0, 2.0), 0.0)


def test_confidence_is_the_logistic_function_of_the_properties() -> None:
    model = ConfidenceModel((1.0, 2.0, 0.0, 0.0, -1.0), 0.5)
    assert model((0.1, 0.2, 9.0, 9.0, 0.3)) == pytest.approx(1 / (1 + math.exp(-(0.1 + 0.4 - 0.3 + 0.5))))
    assert model((-1e4, 0.0, 0.0, 0.0, 0.0)) == 0
    assert model((1e4, 0.0, 0.0, 0.0, 0.0)) == 1

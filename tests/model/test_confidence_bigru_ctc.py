import json
import math
from pathlib import Path

import pytest

from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES, ConfidenceModel, word_features
from hf_bigru_asr.model.ctc_alignment_bigru_ctc import MarkedCharacter


def spans(scores: list[float], relative_score: float = 1.0) -> list[MarkedCharacter]:
    return [MarkedCharacter("A", 0.0, 0.0, score, relative_score) for score in scores]


def test_properties_of_a_word() -> None:
    inside = [*spans([0.5]), *spans([0.25], 0.3)]
    features = dict(zip(FEATURES, word_features(inside, spans([0.9, 0.1]), posterior=0.3), strict=True))
    assert features == pytest.approx(
        {
            "mean_log_probability": (math.log(0.5) + math.log(0.25)) / 2,
            "lowest_log_probability": math.log(0.25),
            "edge_log_probability": math.log(0.1),
            "log_length": math.log(2),
            "log_posterior": math.log(0.3),
            "mean_probability": math.sqrt(0.5 * 0.25),
            "relative_probability": math.sqrt(0.3),
            "length": 2,
            "posterior": 0.3,
        }
    )
    assert word_features(spans([1.0])) == pytest.approx([0, 0, 0, 0, 0, 1, 1, 1, 1])
    assert all(map(math.isfinite, word_features(spans([0.0], 0.0), posterior=0.0)))


def test_a_model_is_kept_in_a_folder(tmp_path: Path) -> None:
    assert ConfidenceModel.from_folder(tmp_path) is None
    assert ConfidenceModel.from_folder(None) is None
    model = ConfidenceModel((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0), -1.0)
    path = model.save(tmp_path, split="validation")
    assert ConfidenceModel.from_folder(tmp_path) == model
    assert json.loads(path.read_text())["split"] == "validation"
    # One that was fitted when there were fewer properties, in another order.
    path.write_text('{"features": ["length", "edge_log_probability"], "weights": [0.5, 0.25], "bias": 2.0}')
    assert ConfidenceModel.from_folder(tmp_path) == ConfidenceModel((0, 0, 0.25, 0, 0, 0, 0, 0.5, 0), 2.0)
    path.write_text('{"features": ["colour"], "weights": [0.5], "bias": 2.0}')
    with pytest.raises(ValueError, match=r"weighs colour; known are mean_log.*scripts/calibrate_confidence\.py"):
        ConfidenceModel.from_folder(tmp_path)
    path.write_text('{"features": ["length"]}')
    with pytest.raises(ValueError, match=r"confidence\.json is broken: it has no weights, bias"):
        ConfidenceModel.from_folder(tmp_path)
    with pytest.raises(ValueError, match="There are 2 weights; give one for each of mean_log"):
        ConfidenceModel((1.0, 2.0), 0.0)


def test_confidence_is_the_logistic_function_of_the_properties() -> None:
    model = ConfidenceModel((1.0, 2.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0), 0.5)
    assert model((0.1, 0.2, 9, 9, 0.3, 9, 9, 9, 9)) == pytest.approx(1 / (1 + math.exp(-(0.1 + 0.4 - 0.3 + 0.5))))
    assert model((-1e4, 0, 0, 0, 0, 0, 0, 0, 0)) == 0
    assert model((1e4, 0, 0, 0, 0, 0, 0, 0, 0)) == 1

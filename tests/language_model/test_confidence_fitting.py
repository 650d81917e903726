import json
from pathlib import Path

import numpy as np
import pytest

from hf_bigru_asr.evaluation.plots import plot_reliability
from hf_bigru_asr.language_model.confidence_fitting import (
    average_precision,
    calibration_bins,
    calibration_error,
    confidence_figures,
    cross_validate,
    fit_confidence,
    judge_words,
    right_words,
)
from hf_bigru_asr.model.confidence_bigru_ctc import FEATURES
from hf_bigru_asr.model.decoding_bigru_ctc import DecodedWord, Hypothesis

WEIGHTS = [1.0, -0.5, 2.0, 0.0, 0.3, 0.0, -1.0, 0.2, 0.0]


def drawn(num_words: int, weights: list[float], bias: float) -> tuple[np.ndarray, list[bool]]:
    """Words whose truth is drawn from a known logistic model."""
    rng = np.random.default_rng(0)
    scales, means = [1, 2, 0.5, 1, 3, 1, 1, 2, 1], [0, 1, 0, -2, 0, 0, 1, 0, 0]
    features = rng.standard_normal((num_words, len(FEATURES))) * scales + means
    probabilities = 1 / (1 + np.exp(-(features @ weights + bias)))
    return features, (rng.random(num_words) < probabilities).tolist()


def test_a_known_model_is_found_again() -> None:
    features, right = drawn(200_000, WEIGHTS, 0.7)
    model = fit_confidence(features, right)
    assert model.weights == pytest.approx(WEIGHTS, abs=0.03)
    assert model.bias == pytest.approx(0.7, abs=0.05)


def test_the_fit_is_the_best_one() -> None:
    features, right = drawn(300, WEIGHTS, 0.7)
    features[:, 4] = 0.0  # a property that all words share
    model = fit_confidence(features, right, penalty=0.0)
    assert model.weights[4] == 0
    residuals = np.array([model(row) for row in features]) - right
    # Where the likelihood is highest, its derivatives by bias and weights are zero.
    assert residuals.sum() == pytest.approx(0, abs=1e-4)
    assert residuals @ features == pytest.approx(np.zeros(len(FEATURES)), abs=1e-3)


@pytest.mark.parametrize("right", [[True, True], [False, False]])
def test_a_fit_needs_right_and_wrong_words(right: list[bool]) -> None:
    with pytest.raises(ValueError, match="all of them right or all wrong"):
        fit_confidence(np.zeros((2, len(FEATURES))), right)


def test_right_words() -> None:
    assert right_words("THE OLD MAN SAT", "THE COLD MAN SAT DOWN") == [True, False, True, True, False]
    assert right_words("THE OLD MAN", "") == []
    assert right_words("", "THE MAN") == [False, False]


def test_calibration_error() -> None:
    # Bins of width 0.5: mean confidences 0.2 and 0.8, shares 1/2 and 2/3.
    confidences, right = [0.1, 0.3, 0.7, 0.7, 1.0], [True, False, True, False, True]
    assert calibration_bins(confidences, right, 2) == [
        {"num_words": 2, "confidence": pytest.approx(0.2), "accuracy": 0.5},
        {"num_words": 3, "confidence": pytest.approx(0.8), "accuracy": pytest.approx(2 / 3)},
    ]
    assert calibration_error(confidences, right, 2) == pytest.approx((2 * 0.3 + 3 * (0.8 - 2 / 3)) / 5)
    assert calibration_error([0.0, 1.0], [False, True]) == 0
    assert calibration_error([0.0, 1.0], [True, False]) == 1


def test_average_precision() -> None:
    # Found in order: right, wrong, right; precision 1 at half, 2/3 at all.
    assert average_precision([0.9, 0.8, 0.7], [True, False, True]) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert average_precision([0.1, 0.2, 0.3], [False, False, True]) == 1
    # All found together: the share of positives.
    assert average_precision([0.5] * 4, [True, False, False, False]) == 0.25
    with pytest.raises(ValueError, match="No item is positive"):
        average_precision([0.5], [False])


def test_average_precision_of_many() -> None:
    rng = np.random.default_rng(1)
    scores, positive = rng.integers(0, 20, 200) / 20, rng.random(200) < 0.3
    expected, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        found = scores >= threshold
        now = (found & positive).sum() / positive.sum()
        expected += (now - recall) * (found & positive).sum() / found.sum()
        recall = now
    assert average_precision(scores.tolist(), positive.tolist()) == pytest.approx(expected)


def hypothesis(text: str, confidences: list[float]) -> Hypothesis:
    return Hypothesis(text, 0.0, (), tuple(DecodedWord((), confidence, ()) for confidence in confidences))


def test_words_of_many_hypotheses_are_judged() -> None:
    hypotheses = [hypothesis("THE CAT", [0.9, 0.4]), hypothesis("", []), hypothesis("SAT", [0.8])]
    words, right = judge_words(["THE HAT", "GONE", "SAT DOWN"], hypotheses)
    assert [word.confidence for word in words] == [0.9, 0.4, 0.8]
    assert right == [True, False, True]


def test_figures_of_confidences(tmp_path: Path) -> None:
    figures = confidence_figures([0.9, 0.4, 0.8], [True, False, True])
    assert json.loads(json.dumps(figures)) == figures
    assert figures["num_words"] == 3
    assert figures["share_wrong"] == pytest.approx(1 / 3)
    assert figures["wrong_words_average_precision"] == 1
    assert figures["expected_calibration_error"] == pytest.approx((0.1 + 0.4 + 0.2) / 3)
    plot_reliability(figures["bins"], tmp_path / "reliability.png")
    assert (tmp_path / "reliability.png").read_bytes().startswith(b"\x89PNG")
    assert confidence_figures([], []) == {
        "num_words": 0,
        "share_wrong": 0.0,
        "expected_calibration_error": None,
        "wrong_words_average_precision": None,
        "bins": [],
    }
    assert confidence_figures([0.5], [True])["wrong_words_average_precision"] is None


def test_cross_validation_fits_without_the_words_in_question() -> None:
    features, right = drawn(100, WEIGHTS, 0.7)
    confidences = cross_validate(features, right, 4)
    without = fit_confidence(np.delete(features, slice(25, 50), 0), [*right[:25], *right[50:]])
    assert confidences[25:50] == [without(row) for row in features[25:50].tolist()]
    assert len(confidences) == 100

"""Fits confidences to the words that a model got right, and measures their calibration."""

from collections.abc import Iterable, Sequence
from typing import Any

import jiwer
import numpy as np
import numpy.typing as npt
import torch

from ..model.confidence_bigru_ctc import FEATURES, ConfidenceModel
from ..model.decoding_bigru_ctc import DecodedWord, Hypothesis

__all__ = [
    "average_precision",
    "calibration_bins",
    "calibration_error",
    "confidence_figures",
    "cross_validate",
    "fit_confidence",
    "judge_words",
    "right_words",
]

NUM_BINS = 15


def fit_confidence(features: npt.ArrayLike, right: Sequence[bool], *, penalty: float = 1.0) -> ConfidenceModel:
    """Logistic regression of the correctness of words on their properties, with a small ridge penalty.

    Args:
        features: `(words, properties)`, see [`word_features`].
        right: Which words are right.
        penalty: Factor of half the squared weights of the standardised properties; it is added to the summed
            logarithmic losses of the words.

    Raises:
        ValueError: If there are not both right and wrong words.
    """
    if len(set(right)) < 2:
        raise ValueError(f"There are {len(right)} words, all of them right or all wrong; give some of both.")
    values = np.asarray(features, float)
    mean, deviation = values.mean(0), values.std(0)
    deviation[deviation == 0] = 1.0  # a property that all words share gets the weight 0
    inputs, targets = torch.from_numpy((values - mean) / deviation), torch.tensor(right, dtype=torch.float64)
    parameters = torch.zeros(len(FEATURES) + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=500, tolerance_change=1e-12, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = inputs @ parameters[:-1] + parameters[-1]
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
        total = losses + penalty / 2 * parameters[:-1].square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    fitted = parameters.detach().numpy()
    weights = fitted[:-1] / deviation
    return ConfidenceModel(tuple(weights.tolist()), float(fitted[-1] - weights @ mean))


def right_words(reference: str, hypothesis: str) -> list[bool]:
    """Which words of a hypothesis are right, in the alignment with the fewest errors."""
    if not reference.split() or not hypothesis.split():
        return [False] * len(hypothesis.split())
    (chunks,) = jiwer.process_words(reference, hypothesis).alignments
    right = [False] * len(hypothesis.split())
    for chunk in chunks:
        if chunk.type == "equal":
            right[chunk.hyp_start_idx : chunk.hyp_end_idx] = [True] * (chunk.hyp_end_idx - chunk.hyp_start_idx)
    return right


def calibration_bins(
    confidences: Sequence[float], right: Sequence[bool], num_bins: int = NUM_BINS
) -> list[dict[str, float]]:
    """Words in bins of equal width by confidence, empty ones left out.

    Returns:
        For each bin `num_words`, mean `confidence`, and `accuracy`: the share of right words.
    """
    values, truth = np.asarray(confidences, float), np.asarray(right, float)
    numbers = np.clip((values * num_bins).astype(int), 0, num_bins - 1)
    return [
        {
            "num_words": int((numbers == number).sum()),
            "confidence": float(values[numbers == number].mean()),
            "accuracy": float(truth[numbers == number].mean()),
        }
        for number in np.unique(numbers)
    ]


def calibration_error(confidences: Sequence[float], right: Sequence[bool], num_bins: int = NUM_BINS) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over the words' bins.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3.
    """
    bins = calibration_bins(confidences, right, num_bins)
    return sum(each["num_words"] * abs(each["confidence"] - each["accuracy"]) for each in bins) / len(right)


def average_precision(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Area under the precision-recall curve, in steps, of finding `positive` items by their scores, the highest first.

    Items of equal score are found together.

    Raises:
        ValueError: If no item is positive.
    """
    truth = np.asarray(positive, bool)[order := np.argsort(-np.asarray(scores, float), kind="stable")]
    if not truth.any():
        raise ValueError("No item is positive; there is no precision to measure.")
    ranked = np.asarray(scores, float)[order]
    last = np.append(ranked[1:] != ranked[:-1], True)
    found = np.cumsum(truth)[last]
    precision = found / (np.flatnonzero(last) + 1)
    return float(np.sum(precision * np.diff(found, prepend=0)) / truth.sum())


def judge_words(references: Iterable[str], hypotheses: Iterable[Hypothesis]) -> tuple[list[DecodedWord], list[bool]]:
    """All words of the hypotheses, and which of them are right."""
    words: list[DecodedWord] = []
    right: list[bool] = []
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        words += hypothesis.words
        right += right_words(reference, hypothesis.text)
    return words, right


def confidence_figures(confidences: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """How well the confidences of words are calibrated, JSON-serialisable.

    Returns:
        `num_words`, `share_wrong`, `expected_calibration_error`, `wrong_words_average_precision` and `bins` (see
        [`calibration_bins`]). The precision is the area under the precision-recall curve for finding wrong words by
        low confidences: `None` if no word is wrong, and `share_wrong` by chance.
    """
    wrong = [not each for each in right]
    return {
        "num_words": len(right),
        "share_wrong": sum(wrong) / max(len(wrong), 1),
        "expected_calibration_error": calibration_error(confidences, right) if right else None,
        "wrong_words_average_precision": (
            average_precision([-confidence for confidence in confidences], wrong) if any(wrong) else None
        ),
        "bins": calibration_bins(confidences, right) if right else [],
    }


def cross_validate(features: npt.ArrayLike, right: Sequence[bool], num_folds: int = 5) -> list[float]:
    """Confidences of words from fits without them.

    Args:
        features: `(words, properties)`, in the order of the recordings.
        right: Which words are right.
        num_folds: Parts, each a run of successive words, so that a recording is in one part, or two.
    """
    values, truth = np.asarray(features, float), np.asarray(right, bool)
    confidences: list[float] = []
    for part in np.array_split(np.arange(len(truth)), num_folds):
        others = np.setdiff1d(np.arange(len(truth)), part)
        model = fit_confidence(values[others], truth[others].tolist())
        confidences += [model(row) for row in values[part].tolist()]
    return confidences

"""How sure it is that an utterance is in the grammar, and what is sure enough."""

import json
import math
from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["MIN_CONFIDENCE", "confidence"]

MIN_CONFIDENCE: float = json.loads((files(__package__) / "rejection.json").read_text(encoding="utf-8"))[
    "min_confidence"
]
"""Confidence that is sure enough, fitted to the shipped model by `scripts/benchmarks/grammar.py`."""


def confidence(
    log_probs: npt.NDArray[np.floating], class_ids: Sequence[int], *, blank_id: int = 0, space_id: int | None = None
) -> float:
    """Probability that the network gives a text, per letter: their geometric mean, between 0 and 1.

    Args:
        log_probs: `(frames, classes)` of one utterance.
        class_ids: Classes of the text, without blanks.
        blank_id: Class of the blank.
        space_id: Class that is no letter.

    Source: A. Graves et al., Connectionist Temporal Classification, ICML 2006, equations 6 and 8 for the sum over all
    paths.
    """
    num_letters = sum(class_id != space_id for class_id in class_ids)
    return math.exp(_log_probability(log_probs.astype(np.float64), class_ids, blank_id) / max(num_letters, 1))


def _log_probability(log_probs: npt.NDArray[np.float64], class_ids: Sequence[int], blank_id: int) -> float:
    """Log-probability of a text: the sum over its paths."""
    states = [blank_id]
    for class_id in class_ids:
        states += [class_id, blank_id]
    # From one letter to the next without a blank, unless they are equal.
    may_skip = np.full(len(states), -np.inf)
    may_skip[3::2] = [0.0 if left != right else -np.inf for left, right in pairwise(class_ids)]
    scores = log_probs[:, states]
    # Two states in front that are never reached spare the cases of the first two.
    sums = np.full(len(states) + 2, -np.inf)
    sums[2:4] = scores[0, :2]
    for frame in scores[1:]:
        sums[2:] = np.logaddexp(np.logaddexp(sums[2:], sums[1:-1]), sums[:-2] + may_skip) + frame
    return float(np.logaddexp.reduce(sums[-2:] if len(states) > 1 else sums[-1:]))

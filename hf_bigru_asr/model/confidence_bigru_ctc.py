"""Confidence of a word: the calibrated probability that it is right.

The network is overconfident. A logistic regression on a few features of a word, fitted on a split that the network was
not trained on, turns its probabilities into calibrated ones.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .checked_files_bigru_ctc import read_model_json
from .ctc_alignment_bigru_ctc import MarkedCharacter
from .field_rules_bigru_ctc import TEXT, check_fields, list_of, number
from .language_model_files_bigru_ctc import CONFIDENCE_NAME

__all__ = ["ConfidenceModel", "word_features"]

_FLOOR = 1e-6
"""Lower probabilities are raised to this one before a logarithm is taken."""
FEATURES = (
    "mean_log_probability",
    "lowest_log_probability",
    "edge_log_probability",
    "log_length",
    "log_posterior",
    "mean_probability",
    "relative_probability",
    "length",
    "posterior",
)


_RULES = {"features": list_of(TEXT), "weights": list_of(number(-1e9, 1e9)), "bias": number(-1e9, 1e9)}


def word_features(
    characters: Sequence[MarkedCharacter], edges: Sequence[MarkedCharacter] = (), posterior: float = 1.0
) -> tuple[float, ...]:
    """Features of a word that its confidence is computed from, in the order of `FEATURES`.

    Args:
        characters: Characters of the word.
        edges: The spaces before and after it; none at the ends of an utterance.
        posterior: Its posterior among the hypotheses of a beam search, see [`FoundWords`]; 1 without one.

    Returns:
        Mean and lowest log-probability of the characters, lowest log-probability of the spaces, logarithm of the
        number of characters, logarithm of the posterior; then the geometric means of the characters' probabilities and
        of their relative scores, the number of characters, and the posterior.
    """
    inside, outside = ([_log(span.score) for span in spans] or [0.0] for spans in (characters, edges))
    relative = [_log(span.relative_score) for span in characters] or [0.0]
    mean = sum(inside) / len(inside)
    return (
        mean,
        min(inside),
        min(outside),
        math.log(max(len(characters), 1)),
        _log(posterior),
        math.exp(mean),
        math.exp(sum(relative) / len(relative)),
        len(characters),
        posterior,
    )


def _log(probability: float) -> float:
    return math.log(probability if probability > _FLOOR else _FLOOR)


@dataclass(frozen=True)
class ConfidenceModel:
    """Logistic regression from the features of a word to its confidence; valid for one network and one decoder.

    Args:
        weights: One for each of `FEATURES`.
        bias: Intercept.

    Raises:
        ValueError: If the number of weights is wrong, or one is not finite.
    """

    weights: tuple[float, ...]
    bias: float

    def __post_init__(self) -> None:
        """Check the number of weights."""
        object.__setattr__(self, "weights", tuple(self.weights))
        if len(self.weights) != len(FEATURES):
            raise ValueError(f"There are {len(self.weights)} weights; give one for each of {', '.join(FEATURES)}.")
        check_fields(vars(self), _RULES)

    def __call__(self, features: Sequence[float]) -> float:
        """Confidence of a word with these features; see [`word_features`]."""
        logit = self.bias + sum(weight * value for weight, value in zip(self.weights, features, strict=True))
        return 0.5 + 0.5 * math.tanh(logit / 2)

    @classmethod
    def from_folder(cls, folder: str | Path | None) -> "ConfidenceModel | None":
        """Load what [`save`] wrote into a folder; `None` without a file. Features that the file lacks get weight 0.

        Raises:
            ValueError: If the file is broken, or has features that this version does not know.
        """
        if folder is None or not (path := Path(folder) / CONFIDENCE_NAME).is_file():
            return None
        values = read_model_json(path, "features", "weights", "bias")
        check_fields(values, _RULES, f"{path}: ")
        if len(values["features"]) != len(values["weights"]):
            raise ValueError(
                f"{path} has {len(values['features'])} features and {len(values['weights'])} weights; there must be "
                "one weight for each. Fit it anew with scripts/calibrate_confidence.py."
            )
        weights = dict(zip(values["features"], values["weights"], strict=True))
        if unknown := sorted(weights.keys() - set(FEATURES)):
            raise ValueError(
                f"{path} weighs {', '.join(unknown)}; known are {', '.join(FEATURES)}. Fit it anew with "
                "scripts/calibrate_confidence.py."
            )
        return cls(tuple(weights.get(name, 0.0) for name in FEATURES), values["bias"])

    def save(self, folder: str | Path, **record: Any) -> Path:
        """Write the model into a folder and return the path.

        Args:
            folder: Folder that exists.
            record: JSON-serialisable fields on how it was fitted, written beside the model.
        """
        path = Path(folder) / CONFIDENCE_NAME
        values = {**asdict(self), "features": FEATURES, **record}
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        return path

"""What the records of a training and of an evaluation may hold, where the card uses it."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from ..model.field_rules_bigru_ctc import TEXT, Rule, check_fields, number, optional, shown, whole

__all__ = [
    "EVALUATION_SHAPE",
    "LANGUAGE_MODEL_SHAPE",
    "RECORDINGS_SHAPE",
    "SCORE_SHAPE",
    "TRAINING_SHAPE",
    "check_record",
    "is_score",
]

Shape: TypeAlias = "Mapping[str, Rule | Shape | list[Shape]]"
"""Fields by their names: a value, an object, or a list of objects; `*` stands for all fields that are not named."""

_TEXT = optional(Rule("a text", lambda value: isinstance(value, str)))
_COUNT = optional(whole(0, 10**15))
_AMOUNT = optional(number(0))
_WEIGHT = optional(number())
_OBJECT: Shape = {}
_CODE: Shape = {"command": _TEXT, "commit": _TEXT, "date": _TEXT, "versions": {"*": _TEXT}}
_DATA: Shape = {
    "config": _TEXT,
    "split": _TEXT,
    "description": _TEXT,
    "num_utterances": _COUNT,
    "num_failed": _COUNT,
    "hours": _AMOUNT,
}

EVALUATION_SHAPE: Shape = {
    **_CODE,
    "dataset": {**_DATA, "name": TEXT, "split": TEXT},
    "metrics": _OBJECT,  # rates have a check of their own
    "decoding": {"method": _TEXT, "batch_size": _COUNT},
    "num_offsets": whole(1, 8),
    "speed": {"real_time_factor": _AMOUNT, "time_per_utterance_s": {"median": _AMOUNT, "p95": _AMOUNT}},
    "machine": {"num_threads": _COUNT, "gpu": _TEXT, "cpu": _TEXT, "platform": _TEXT, "device": _TEXT},
    "by_speaker": {"*": number(0)},
    "by_duration_s": [{"from_s": number(0), "to_s": number(0), "wer": number(0)}],
    "confidence": {
        "expected_calibration_error": _AMOUNT,
        "wrong_words_average_precision": _AMOUNT,
        "share_wrong": number(0),
        "num_words": whole(0, 10**15),
    },
}
"""`evaluation.json`."""

_RUN: Shape = {
    **_CODE,
    "arguments": {
        "distillation_weight": _WEIGHT,
        "mmi_weight": _WEIGHT,
        "word_error_weight": _WEIGHT,
        "teacher_name": _TEXT,
    },
    "dataset": {
        **_DATA,
        "name": _TEXT,
        "train_split": _TEXT,
        "eval_split": _TEXT,
        "eval_name": _TEXT,
        "eval_config": _TEXT,
        "train_description": _TEXT,
        "eval_description": _TEXT,
        "train_hours": _AMOUNT,
        "train_utterances": _COUNT,
        "train_speakers": _COUNT,
        "train": {"hours": _AMOUNT, "num_utterances": _COUNT},
        "extra": [{"hours": number(0), "name": TEXT}],
    },
    "hardware": _OBJECT,
    "best_validation": {"wer": _AMOUNT, "cer": _AMOUNT},
    "wall_time_s": _AMOUNT,
    "recipe": _TEXT,
    "notes": _TEXT,
}
_TEXTS = optional(
    Rule("a list of texts", lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value))
)
TRAINING_SHAPE: Shape = {**_RUN, "other_data": _TEXTS, "earlier_stages": [_RUN]}
"""`training.json`; `other_data` names what was trained on beside the data set, with its source and licence."""

RECORDINGS_SHAPE: Shape = {
    **_CODE,
    "results": [{"kind": TEXT, "decoding": TEXT, "audio_s": number(0), "wer": number(0), "difference": number()}],
}
"""`recordings.json`, as `scripts/benchmarks/recordings.py` writes it."""
LANGUAGE_MODEL_SHAPE: Shape = dict.fromkeys(("order", "num_words", "num_bytes", "num_running_words"), whole(0, 10**15))
"""`language_model.json`; the card needs all of these."""
SCORE_SHAPE: Shape = dict.fromkeys(("perplexity", "out_of_vocabulary_rate"), number(0))
"""How well a language model predicts a split, in the same file."""


def is_score(value: object) -> bool:
    """Whether a field of `language_model.json` has all of [`SCORE_SHAPE`]."""
    return isinstance(value, Mapping) and SCORE_SHAPE.keys() <= value.keys()


def check_record(values: Mapping[str, Any], shape: Shape, origin: str) -> None:
    """Refuse a record with a value of the wrong kind. Fields that are missing do not matter.

    Args:
        values: The record.
        shape: What it may hold.
        origin: What the message begins with: the file and a colon.

    Raises:
        ValueError: With the field, its value, and what is allowed.
    """
    for name, value in values.items():
        wanted = shape.get(name, shape.get("*"))
        if isinstance(wanted, Rule):
            check_fields({name: value}, {name: wanted}, origin)
        elif isinstance(wanted, list):
            if not isinstance(value, list):
                raise ValueError(f"{origin}{name} is {shown(value)}; it must be a list of objects.")
            for place, each in enumerate(value):
                _check_object(each, wanted[0], origin, f"{name}[{place}]")
        elif wanted is not None and value is not None:
            _check_object(value, wanted, origin, name)


def _check_object(value: object, shape: Shape, origin: str, name: str) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{origin}{name} is {shown(value)}; it must be an object.")
    check_record(value, shape, f"{origin}{name}.")

"""Records with values of the wrong kind are refused by file and field."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from card_records import EVALUATION, TRAINING

from hf_bigru_asr.hub.card import _language_model
from hf_bigru_asr.hub.record_rules import EVALUATION_SHAPE, TRAINING_SHAPE, check_record


@pytest.mark.parametrize(
    ("record", "shape"), [(EVALUATION, EVALUATION_SHAPE), (TRAINING, TRAINING_SHAPE)], ids=["evaluation", "training"]
)
def test_records_as_they_are_written_pass(record: dict[str, Any], shape: Any) -> None:  # noqa: ANN401 - a nested type
    check_record(record, shape, "record.json: ")
    check_record({}, shape, "record.json: ")
    check_record({"earlier_stages": [record]} if shape is TRAINING_SHAPE else record, shape, "record.json: ")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("best_validation", "wer"), "", r"record\.json: best_validation\.wer is ''; it must be a finite number"),
        (("dataset",), 3, r"record\.json: dataset is 3; it must be an object\."),
        (("dataset", "train", "hours"), [1], r"dataset\.train\.hours is \[1\]; it must be a finite number"),
        (("dataset", "extra"), {}, r"dataset\.extra is \{\}; it must be a list of objects\."),
        (("dataset", "extra"), [{"hours": 1, "name": None}], r"dataset\.extra\[0\]\.name is None; it must be a text"),
        (("earlier_stages",), [{"wall_time_s": "x"}], r"earlier_stages\[0\]\.wall_time_s is 'x'"),
        (("other_data",), "more", r"other_data is 'more'; it must be a list of texts"),
        (("other_data",), [1], r"other_data is \[1\]; it must be a list of texts"),
        (("earlier_stages",), [None], r"earlier_stages\[0\] is None; it must be an object\."),
    ],
)
def test_a_value_of_another_kind_is_named(path: tuple[str, ...], value: object, message: str) -> None:
    record = copy.deepcopy(TRAINING)
    holder = record
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value

    with pytest.raises(ValueError, match=message):
        check_record(record, TRAINING_SHAPE, "record.json: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_bytes": None}, r"language_model\.json: num_bytes is None; it must be a whole number"),
        (
            {"validation": {"perplexity": "x", "out_of_vocabulary_rate": 0}},
            r"validation\.perplexity is 'x'; it must be",
        ),
    ],
)
def test_records_of_a_language_model(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    record = {"order": 2, "num_words": 5, "num_bytes": 10, "num_running_words": 20}
    path = tmp_path / "language_model.json"

    path.write_text(json.dumps(record | changes))
    with pytest.raises(ValueError, match=message):
        _language_model(tmp_path)
    path.write_text(json.dumps({"order": 2}))
    with pytest.raises(ValueError, match=r"language_model\.json is broken: it has no num_words, num_bytes, num_runn"):
        _language_model(tmp_path)
    path.write_text(json.dumps(record | {"test": {"perplexity": 3}}))  # what the card cannot show it leaves out
    assert _language_model(tmp_path)["scores"] == {}

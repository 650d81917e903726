"""What makes no card: broken evaluations, missing files, wrong metadata."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from card_records import EVALUATION, changed_evaluation

from hf_bigru_asr.hub.card import (
    build_card,
    check_card,
    load_evaluation,
)


def _without(section: str, key: str) -> dict[str, Any]:
    evaluation = copy.deepcopy(EVALUATION)
    del evaluation[section][key]
    return evaluation


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is broken: Expecting property name"),
        ("[]", "is broken: it holds a JSON list instead of an object"),
        ("{}", r"has no dataset\.name; give a file that scripts/evaluate\.py wrote"),
        (json.dumps(_without("dataset", "split")), r"has no dataset\.split"),
        (json.dumps(_without("metrics", "wer")), r"has no metrics\.wer"),
        (
            json.dumps(changed_evaluation(metrics={"wer": float("nan")})),
            r"is broken: NaN is no number of JSON",
        ),
        (json.dumps(changed_evaluation(metrics={"wer": "25 %"})), r"metrics\.wer = '25 %'"),
        (json.dumps(changed_evaluation(metrics={"cer": -0.1})), r"metrics\.cer = -0\.1; .* at least 0\. Run"),
        (json.dumps(changed_evaluation(metrics={"f1": 79.7})), r"metrics\.f1 = 79\.7; .* at least 0 and at most 1"),
    ],
    ids=["broken", "list", "empty", "no split", "no wer", "nan", "text", "negative", "percent"],
)
def test_bad_evaluation_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"evaluation\.json .*{message}"):
        load_evaluation(path)


def test_wer_above_one_is_a_wer(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(changed_evaluation(metrics={"wer": 1.25})))
    assert load_evaluation(tmp_path / "evaluation.json")["metrics"]["wer"] == 1.25


def test_missing_files_are_refused_by_name(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no file .*nothing\.json"):
        load_evaluation(tmp_path / "nothing.json")
    (model_dir / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"There is no file .*model\.safetensors"):
        build_card(model_dir, [], "alice/bigru")


def test_same_evaluation_twice_is_refused(model_dir: Path) -> None:
    with pytest.raises(ValueError, match="two evaluations of openslr/librispeech_asr clean test with greedy decoding"):
        build_card(model_dir, [EVALUATION, EVALUATION], "alice/bigru")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("license", "mit", "has license: 'mit'; it must be 'apache-2.0'"),
        ("pipeline_tag", None, "has pipeline_tag: None"),
        ("language", "de", "has language: 'de'; it must be 'en'"),
        ("tags", [], "has no tags"),
        ("datasets", None, "has no datasets"),
    ],
)
def test_check_refuses_wrong_metadata(model_dir: Path, name: str, value: object, message: str) -> None:
    card = build_card(model_dir, [EVALUATION], "alice/bigru")
    card.data[name] = value
    with pytest.raises(ValueError, match=message):
        check_card(card)

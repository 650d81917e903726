"""What a preparation reports, in words and as JSON."""

import json
from pathlib import Path

import pytest
from openslr_corpus import BAD, corpus, path_of, prepare, write_tree

from hf_bigru_asr.data.librispeech.report import PreparationReport, rejects_from_json


def test_a_report_says_what_was_written(tmp_path: Path) -> None:
    report = prepare(write_tree(tmp_path / "tree", corpus()), tmp_path / "out")
    assert report.hours == pytest.approx(6 * 0.2 / 3600)
    assert "clean/train.100 from train-clean-100: 6 utterances, 0.00 h, 2 speakers" in report.summary()
    values = json.loads((tmp_path / "out/clean/train.100-report.json").read_text())
    assert PreparationReport.from_json(values) == report
    assert values["hours"] == report.hours


def test_a_report_counts_rejects_by_reason(tmp_path: Path) -> None:
    report = prepare(write_tree(tmp_path / "tree", corpus() | {path_of(BAD): b"broken"}), tmp_path / "out")
    assert report.summary().splitlines()[1:] == ["  1 x audio does not decode completely"]
    assert PreparationReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    with pytest.raises(ValueError, match="'another reason' is not a valid RejectReason"):
        rejects_from_json([{"path": path_of(BAD), "reason": "another reason", "detail": ""}])

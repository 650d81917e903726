"""`scripts/calibrate_confidence.py`: the confidences that it fits beside a language model."""

import json
from pathlib import Path

import pytest
from script_runs import run_script, spoken, write_split

from hf_bigru_asr.model.confidence_bigru_ctc import ConfidenceModel


@pytest.mark.usefixtures("in_one_process")
def test_confidences_are_fitted_to_the_data(tone_model: Path, tone_data: tuple[object, ...]) -> None:
    calibrated = run_script(
        *("calibrate_confidence.py", *tone_data, "--model", tone_model, "--batch_size", 2, "--lm", "own")
    )

    assert calibrated.returncode == 0, calibrated.stderr
    folder = tone_model / "language_model"
    record = json.loads((folder / "confidence.json").read_text())
    assert record["dataset"] == {"name": str(tone_data[1]), "config": None, "split": "validation"}
    assert record["num_offsets"] == 3
    assert record["cross_validated"]["num_words"] >= 8
    assert ConfidenceModel.from_folder(folder) is not None


@pytest.mark.usefixtures("in_one_process")
def test_words_that_are_all_right_are_refused(tone_model: Path, tmp_path: Path) -> None:
    data = write_split(tmp_path / "data", "validation", [{"audio": spoken("IT NO"), "text": "IT NO"}])
    ended = run_script("calibrate_confidence.py", "--dataset_name", data, "--model", tone_model, "--lm", "own")
    assert ended.returncode == 2
    assert "words, all of them right or all wrong; give some of both." in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.usefixtures("in_one_process")
@pytest.mark.parametrize("script", ["calibrate_confidence.py", "tune_decoding.py"])
def test_the_installed_model_is_not_changed_unasked(script: str, tmp_path: Path) -> None:
    ended = run_script(script, "--dataset_name", tmp_path, "--split", "validation", "--lm", "own")
    assert ended.returncode == 2
    assert "belongs to the installed model, which is not changed unasked; copy the model" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1

"""What `scripts/train.py` refuses, in one line."""

from pathlib import Path

import pytest
from script_runs import run_script, spoken, write_split


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    write_split(tmp_path / "data", "validation", [{"audio": spoken("A"), "text": "A"}])
    return write_split(tmp_path / "data", "train", [{"audio": spoken("A"), "text": "A"}])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--mmi_weight 1", "mmi_weight is 1.0 and needs mmi_lm; scripts/build_character_lm.py writes one."),
        ("--metric_for_best_model=lm_wer", "metric_for_best_model is lm_wer and needs eval_lm, a language"),
        ("--prior_frames 9 --normalization none", "prior_frames is 9 and normalization 'none': the prior is of the"),
        ("--normalization speech", 'normalization="speech" needs prior_frames, and 128 values of prior_mean'),
        ("--normalization speech --prior_frames 0", "prior_frames is 0, prior_mean has no values"),
        ("--normalization batch", "normalization is 'batch'; it must be one of 'speech', 'utterance', 'none'."),
        ("--mwer_weight 1", "unknown argument --mwer_weight 1; did you mean --mmi_weight?"),
        ("--optim foo", "foo is not a valid OptimizerNames, please select one of"),
        ("--hop_length 0", "hop_length is 0; it must be a whole number, at least 1 and at most 65536."),
        ("--max_train_samples 0", "max_train_samples is 0; it must be at least 1, or be left out."),
        ("--train_repeats 0", "train_repeats is 0; it must be at least 1"),
        ("--model_name_or_path ./nowhere", "./nowhere does not exist; give a model folder"),
        ("", "nowhere does not exist; give a local folder or archive, or a data set on the Hub."),
    ],
)
def test_what_cannot_be_is_refused_before_data_are_loaded(options: str, message: str, tmp_path: Path) -> None:
    result = run_script("train.py", "--dataset_name", tmp_path / "nowhere", "--output_dir", tmp_path, *options.split())
    assert result.returncode == 2
    assert result.stderr.startswith("train.py: error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--train_split_name nothing", "nothing"),
        ("--text_column_name txt", "has no column 'txt'; it has audio, text."),
        ("--min_duration_in_seconds 5", "train can be used: 0 utterances, 0.00 hours; left out: 1 shorter than 5 s."),
        (
            "--resume_from_checkpoint nowhere",
            "nowhere does not exist; --resume_from_checkpoint is the",
        ),
        ("--mmi_weight 1 --mmi_lm nowhere", "nowhere"),
    ],
)
def test_data_that_cannot_be_used_are_one_line(options: str, message: str, data_dir: Path, tmp_path: Path) -> None:
    result = run_script("train.py", "--dataset_name", data_dir, "--output_dir", tmp_path, *options.split())
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    last = result.stderr.splitlines()[-1]
    assert last.startswith("train.py: error: ")
    assert message in last


def test_a_file_of_arguments_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    result = run_script("train.py", tmp_path / "run.json")
    assert result.returncode == 2
    assert (
        result.stderr == f"train.py: error: {tmp_path / 'run.json'}: No such file or directory. See train.py --help.\n"
    )


def test_training_without_its_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_bigru_asr.training.arguments.is_accelerate_available", lambda: False)
    result = run_script("train.py", "--dataset_name", tmp_path, "--output_dir", tmp_path)
    assert result.returncode == 2
    assert "Training needs the extra `train`: pip install accelerate" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_model_without_a_language_model_cannot_be_evaluated_with_its_own(data_dir: Path, tmp_path: Path) -> None:
    result = run_script("train.py", "--dataset_name", data_dir, "--output_dir", tmp_path, "--eval_lm", "own")
    assert result.returncode == 2
    assert "name the folder of one that scripts/build_lm.py made" in result.stderr
